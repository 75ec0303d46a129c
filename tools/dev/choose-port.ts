import { createServer } from 'node:net';
import { freePort } from './free-port.ts';

/**
 * Chooses the port to listen on: the value of a setting, or a free port for 0.
 * @throws a one-line error that names the setting if nothing can listen there
 */
export async function choosePort(host: string, wanted: string | number, setting: string): Promise<number> {
  const port = Number(wanted);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`${setting}="${wanted}" is invalid: it must be a whole number from 0 to 65535.`);
  if (port === 0) return await freePort();
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(explain(error, host, port, setting))),
    );
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
  return port;
}

function explain(error: NodeJS.ErrnoException, host: string, port: number, setting: string): string {
  const why =
    error.code === 'EADDRINUSE' ? 'is taken (EADDRINUSE)' : `can't be used (${error.code ?? error.message})`;
  return `Port ${port} on ${host} ${why}: stop what uses it, or choose another, for example ${setting}=${port + 1}.`;
}
