import { spawn, spawnSync } from 'node:child_process';
import { freePort } from '../helpers/free-port.ts';
import { until } from '../helpers/waiting.ts';

export interface Moto {
  url: string;
  stop(): Promise<void>;
}

/** Whether moto's server can be started here; the version managers' shims are there even when moto isn't. */
export function motoInstalled(): boolean {
  const { status } = spawnSync('moto_server', ['--help'], { stdio: 'ignore', timeout: 20_000 });
  return status === 0;
}

/** Starts moto, an EC2 written by others, on a free port of loopback. */
export async function startMoto(): Promise<Moto> {
  const port = await freePort();
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${url}/moto-api/`).catch(() => null))?.ok === true);
  return {
    url,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}
