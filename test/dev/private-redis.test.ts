import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { startPrivateRedis } from '../../tools/dev/private-redis.ts';
import { remember } from '../../tools/dev/redis-leftover.ts';
import { findRedisServer } from '../../tools/dev/redis-server.ts';
import { isAlive } from '../helpers/processes.ts';
import { until } from '../helpers/waiting.ts';

let dir: string;
const undo: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'amiferry-redis-')));
});

afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
  await rm(dir, { recursive: true, force: true });
});

async function start(options: { appendonly?: boolean; port?: number } = {}) {
  const server = await startPrivateRedis({ dir, ...options });
  undo.push(() => server.stop());
  return server;
}

function connect(url: string): Redis {
  const redis = new Redis(url);
  // Tests stop the server under it.
  redis.on('error', () => {});
  undo.push(async () => redis.disconnect());
  return redis;
}

test('answers on loopback with the settings that BullMQ needs, and is gone after stop', async () => {
  const server = await start({ appendonly: true });
  const redis = connect(server.url);
  expect(await redis.ping()).toBe('PONG');
  const settings = await redis.config('GET', 'maxmemory-policy', 'appendonly', 'appendfsync', 'bind', 'dir');
  expect(settings).toEqual(expect.arrayContaining(['noeviction', 'yes', 'everysec', '127.0.0.1', dir]));
  redis.disconnect();
  await server.stop();
  expect(isAlive(server.pid)).toBe(false);
  await server.stop();
});

test('keeps its data over a restart when asked to', async () => {
  const first = await start({ appendonly: true });
  await connect(first.url).set('kept', 'yes');
  await first.stop();
  const second = await start({ appendonly: true });
  expect(await connect(second.url).get('kept')).toBe('yes');
});

test('two at once each get their own port', async () => {
  const other = await mkdtemp(join(tmpdir(), 'amiferry-redis-'));
  undo.push(() => rm(other, { recursive: true }));
  const one = await start();
  const two = await startPrivateRedis({ dir: other });
  undo.push(() => two.stop());
  expect(one.url).not.toBe(two.url);
});

test('a port that is taken is named', async () => {
  const port = await freePort();
  const squatter = createServer().listen(port, '127.0.0.1');
  await once(squatter, 'listening');
  undo.push(async () => squatter.close());
  await expect(start({ port })).rejects.toThrow(`port ${port} is taken`);
});

test('says in one line how to install a server when there is none', async () => {
  const path = process.env['PATH'];
  undo.push(async () => {
    process.env['PATH'] = path;
  });
  process.env['PATH'] = dir;
  expect(findRedisServer()).toBeUndefined();
  await expect(start()).rejects.toThrow(/^No Redis server found: .*npm run setup.*$/);
});

test('takes a server called valkey-server too', async () => {
  await writeFile(join(dir, 'valkey-server'), '#!/bin/sh\n', { mode: 0o755 });
  expect(findRedisServer(dir)).toBe(join(dir, 'valkey-server'));
});

/** The pid of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version']);
  await once(child, 'exit');
  return child.pid ?? 0;
}

/** A process that starts a private Redis and prints its address and pid. */
async function parentProcess() {
  const script = `
    import { startPrivateRedis } from ${JSON.stringify(join(import.meta.dirname, '../../tools/dev/private-redis.ts'))};
    const { url, pid } = await startPrivateRedis({ dir: ${JSON.stringify(dir)}, appendonly: true });
    console.log(JSON.stringify({ url, pid }));
    process.on('SIGTERM', () => process.exit(0));
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  undo.push(async () => parent.kill('SIGKILL'));
  const [line] = await once(parent.stdout, 'data');
  const running: { url: string; pid: number } = JSON.parse(String(line));
  return { parent, ...running };
}

test.each(['SIGTERM', 'SIGKILL'] as const)('ends when its parent is ended by %s', async (signal) => {
  const { parent, pid } = await parentProcess();
  parent.kill(signal);
  await until(() => !isAlive(pid));
  expect(isAlive(pid)).toBe(false);
});

test('one that outlived its parent hands over its data', async () => {
  const left = await start({ appendonly: true });
  const redis = connect(left.url);
  await redis.set('kept', 'yes');
  remember(dir, { pid: left.pid, port: Number(new URL(left.url).port), parent: await deadPid() });

  const next = await start({ appendonly: true });
  expect(isAlive(left.pid)).toBe(false);
  expect(await connect(next.url).get('kept')).toBe('yes');
});

test('a directory is not taken from a parent that still runs', async () => {
  const { parent } = await parentProcess();
  await expect(start({ appendonly: true })).rejects.toThrow(`process ${parent.pid} runs a Redis there`);
});

test.each(['', '{"pid":1}', '{"pid":1,"port":1,"parent":1}'])(
  'a stale note %j is no obstacle',
  async (note) => {
    await writeFile(join(dir, 'redis.json'), note);
    const redis = connect((await start()).url);
    expect(await redis.ping()).toBe('PONG');
  },
);
