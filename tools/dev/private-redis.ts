import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, realpathSync } from 'node:fs';
import { findRedisServer, MissingRedisError } from './redis-server.ts';
import { freePort } from './free-port.ts';
import { stopChild } from './stop-child.ts';
import { tether } from './tether.ts';
import { forget, remember, stopLeftover } from './redis-leftover.ts';

export interface PrivateRedisOptions {
  /** Its working directory, created if missing, with the append-only file and the note about the running server. */
  dir: string;
  /** Whether data survive a restart (fsync every second). Default: false. */
  appendonly?: boolean;
  /** The port; default: a free one. */
  port?: number;
}

export interface PrivateRedis {
  url: string;
  pid: number;
  /** Resolves to the exit code or signal once the server has ended or was stopped. */
  ended: Promise<string>;
  /** Sends SIGTERM, and SIGKILL after five seconds. May be called twice. */
  stop(): Promise<void>;
}

/** The port was taken between choosing and binding it. */
class PortTakenError extends Error {}

const READY = 'Ready to accept connections';
const PORT_TRIES = 10;

/**
 * Starts a private Redis on loopback and resolves once it accepts connections. It ends with this process. A server left over in the
 * same directory by a killed process is stopped first.
 *
 * @throws {MissingRedisError} if there is no server on the PATH. Other errors contain the server's last output.
 */
export async function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateRedis> {
  const server = findRedisServer();
  if (server === undefined) throw new MissingRedisError();
  mkdirSync(options.dir, { recursive: true });
  const dir = realpathSync(options.dir);
  await stopLeftover(dir);
  for (let tries = PORT_TRIES; ; tries--) {
    const port = options.port ?? (await freePort());
    try {
      return await launch(server, dir, port, options.appendonly ?? false);
    } catch (error) {
      if (!(error instanceof PortTakenError) || options.port !== undefined || tries === 1) throw error;
    }
  }
}

async function launch(server: string, dir: string, port: number, appendonly: boolean): Promise<PrivateRedis> {
  // Its own process group, so that only this process gets Ctrl-C and decides in which order the parts stop.
  const child = spawn(server, serverArguments(dir, port, appendonly), {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  tether(child);
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => {
      forget(dir);
      resolve(signal ?? `exit code ${code ?? 'unknown'}`);
    });
  });
  const pid = await untilAccepting(child, port);
  remember(dir, { pid, port, parent: process.pid });
  return { url: `redis://127.0.0.1:${port}`, pid, ended, stop: () => stopChild(child, 5000) };
}

function serverArguments(dir: string, port: number, appendonly: boolean): string[] {
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir,
    save: '',
    appendonly: appendonly ? 'yes' : 'no',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

/**
 * Waits for the ready line in the child's output. A PING could be answered by another process that took the port.
 * Resolves to the child's pid.
 */
async function untilAccepting(child: ChildProcess, port: number): Promise<number> {
  return await new Promise<number>((resolve, reject) => {
    let said = '';
    const listen = (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
      if (said.includes(READY) && child.pid !== undefined) resolve(child.pid);
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.once('error', reject);
    child.once('close', () => {
      const taken = said.includes('Address already in use');
      const why = said.trim().split('\n').slice(-5).join('\n');
      reject(
        taken
          ? new PortTakenError(`Redis: port ${port} is taken`)
          : new Error(`Redis did not start:\n${why}`),
      );
    });
  });
}
