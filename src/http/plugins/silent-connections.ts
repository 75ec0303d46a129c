import type { Socket } from 'node:net';
import fp from 'fastify-plugin';

/**
 * Closes, when the server does, connections on which nobody has asked for anything yet: browsers and pools open them in
 * advance. Node's server.close() takes them for busy and waits for them for ever.
 */
export const silentConnections = fp(
  async (app) => {
    const open = new Set<Socket>();
    app.server.on('connection', (socket: Socket) => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    });
    app.addHook('preClose', async () => {
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    });
  },
  { name: 'silent-connections' },
);
