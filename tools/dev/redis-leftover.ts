import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** The note in the directory about the server that runs there, and the process that started it. */
export interface RunningRedis {
  pid: number;
  port: number;
  parent: number;
}

const noteIn = (dir: string) => join(dir, 'redis.json');

export function remember(dir: string, running: RunningRedis): void {
  writeFileSync(noteIn(dir), JSON.stringify(running));
}

export function forget(dir: string): void {
  rmSync(noteIn(dir), { force: true });
}

/**
 * Stops the server that a dead parent left in this directory (it may be ending already: tether.ts), since two servers would corrupt
 * one append-only file. It is stopped through its port, and only if it reports the noted pid and directory: a pid from a file
 * may meanwhile belong to another process.
 *
 * @throws if the process that started it is still running
 */
export async function stopLeftover(dir: string): Promise<void> {
  const note = readNote(dir);
  if (note === undefined) return;
  const redis = new Redis(note.port, '127.0.0.1', {
    lazyConnect: true,
    retryStrategy: null,
    commandTimeout: 5000,
  });
  redis.on('error', () => {});
  try {
    if (!(await isThat(redis, note, dir))) return;
    if (isAlive(note.parent))
      throw new Error(`${dir} is in use: process ${note.parent} runs a Redis there. Stop it first.`);
    await shutDown(redis, note);
  } finally {
    redis.disconnect();
  }
}

function readNote(dir: string): RunningRedis | undefined {
  try {
    const note: unknown = JSON.parse(readFileSync(noteIn(dir), 'utf8'));
    return isNote(note) ? note : undefined;
  } catch {
    return undefined;
  }
}

function isNote(note: unknown): note is RunningRedis {
  const keys = ['pid', 'port', 'parent'];
  return (
    typeof note === 'object' && note !== null && keys.every((key) => Number.isInteger(Reflect.get(note, key)))
  );
}

/** Whether the noted server answers at the noted port. */
async function isThat(redis: Redis, note: RunningRedis, dir: string): Promise<boolean> {
  try {
    await redis.connect();
    const [info, config] = await Promise.all([redis.info('server'), redis.config('GET', 'dir')]);
    return info.includes(`process_id:${note.pid}\r\n`) && Array.isArray(config) && config.includes(dir);
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Stops the server, which closes the connection only after the append-only file is written. */
async function shutDown(redis: Redis, note: RunningRedis): Promise<void> {
  const hungUp = new Promise<true>((resolve) => redis.once('end', () => resolve(true)));
  const answer = redis.shutdown('NOSAVE').then(
    () => false,
    () => redis.status === 'end',
  );
  if (!(await Promise.race([hungUp, answer])))
    throw new Error(`The Redis left over from an earlier run (process ${note.pid}) does not end.`);
}
