import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findRedisServer, MissingRedisError } from '../../tools/dev/redis-server.ts';
import { tether } from '../../tools/dev/tether.ts';

/** One server of a cluster or of a group with Sentinels. */
export interface RedisServer {
  port: number;
  pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Resolves once the server has ended. */
  ended: Promise<unknown>;
}

/** Starts a Redis on loopback in its own directory, and resolves once it accepts connections. */
export async function startRedisServer(
  dir: string,
  port: number,
  settings: Record<string, string>,
  args: readonly string[] = [],
): Promise<RedisServer> {
  const server = findRedisServer();
  if (server === undefined) throw new MissingRedisError();
  const home = join(dir, String(port));
  await mkdir(home, { recursive: true });
  const all = { bind: '127.0.0.1', port: String(port), dir: home, save: '', ...settings };
  const given = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(server, [...args, ...given], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  tether(child);
  const ended = new Promise((resolve) => child.once('close', resolve));
  await untilStarted(child);
  return { port, pid: child.pid ?? 0, kill: (signal) => void child.kill(signal), ended };
}

async function untilStarted(child: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      said += String(chunk);
      // A Sentinel logs its id instead.
      if (/Ready to accept connections|Sentinel ID is/.test(said)) resolve();
    });
    child.once('close', () => reject(new Error(`Redis did not start:\n${said}`)));
  });
}

/** Kills all servers. */
export async function endServers(servers: readonly RedisServer[]): Promise<void> {
  for (const server of servers) {
    server.kill('SIGCONT');
    server.kill('SIGKILL');
  }
  await Promise.all(servers.map(({ ended }) => ended));
}
