import { createServer } from 'node:net';

/** @throws in one line that names the setting to change when nothing can listen there. */
export async function requirePort(host: string, port: number, setting: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(explain(error, host, port, setting))),
    );
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

function explain(error: NodeJS.ErrnoException, host: string, port: number, setting: string): string {
  const why =
    error.code === 'EADDRINUSE' ? 'is taken (EADDRINUSE)' : `can't be used (${error.code ?? error.message})`;
  return `Port ${port} on ${host} ${why}: stop what uses it, or choose another, for example ${setting}=${port + 1}.`;
}
