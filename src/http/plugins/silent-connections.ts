import type { Socket } from 'node:net';
import fp from 'fastify-plugin';

/**
 * Closes the connections for which Node's server.close() would wait: those without a request so far (browsers and connection pools
 * open them in advance), and those whose last request is answered while the server closes, which would be kept alive.
 */
export const silentConnections = fp(
  async (app) => {
    const open = new Set<Socket>();
    app.server.on('connection', (socket: Socket) => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    });
    let isClosing = false;
    app.addHook('onSend', async (_request, reply, payload) => {
      if (isClosing) void reply.header('connection', 'close');
      return payload;
    });
    app.addHook('preClose', async () => {
      isClosing = true;
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    });
  },
  { name: 'silent-connections' },
);
