import { randomBytes } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoClient } from '../demo/client.ts';
import { playScenes, SCENES } from '../demo/scenes.ts';
import { createScreen } from '../demo/screen.ts';
import { freePort } from '../dev/free-port.ts';
import { dropPrefix } from '../dev/drop-keys.ts';
import { logLine } from '../dev/log-line.ts';
import { onStopSignal } from '../dev/signals.ts';
import { startStack } from '../dev/stack.ts';
import { Unwind } from '../dev/unwind.ts';
import { closeRedis, connectRedis } from '../../src/queue/connections.ts';

/** `npm run demo`: shows the service's main functions on a stack of its own, which is removed afterwards. */
const screen = createScreen(process.stdout);
const dir = mkdtempSync(join(tmpdir(), 'amiferry-demo-'));
const logFile = join(dir, 'demo.log');
const log = createWriteStream(logFile);
const redisUrl = process.env['REDIS_URL'] || undefined;
const prefix = `{demo-${randomBytes(6).toString('hex')}}`;

const unwind = new Unwind((phase, error) => log.write(`${phase} did not stop: ${String(error)}\n`));
const cut = new AbortController();
onStopSignal((signal) => cut.abort(new Error(`Stopped by ${signal}`)));

const began = performance.now();
const reason = await show().then(
  () => undefined,
  (error: unknown) => (error instanceof Error ? error.message : String(error)),
);
await unwind.run();
await new Promise((resolve) => log.end(resolve));
if (reason === undefined) {
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  screen.line(screen.style('green', `Done in ${seconds} s. Everything is stopped and removed.`));
} else process.stderr.write(`\nThe demo failed: ${reason}\n`);
// Only the log of a failed run is kept.
if (reason !== undefined && log.bytesWritten > 0) {
  rmSync(join(dir, 'redis'), { recursive: true, force: true });
  process.stderr.write(`The log of all processes: ${logFile}\n`);
} else rmSync(dir, { recursive: true, force: true });
process.exit(reason === undefined ? 0 : 1);

async function show(): Promise<void> {
  screen.line(screen.style('bold', 'amiferry demo. EC2 is simulated: no AWS account is used.'));
  screen.line('Starting Redis, the EC2 simulator, the worker and the API …');
  const starting = startDemoStack();
  const stopped = new Promise<never>((_, reject) => {
    cut.signal.addEventListener('abort', () => reject(cut.signal.reason));
  });
  const stack = await Promise.race([starting, stopped]);
  screen.line(`In a browser, while the demo runs: ${stack.apiUrl}/`);
  screen.line();
  const broken = stack.broken.then((what) => {
    throw new Error(what);
  });
  const stage = { client: new DemoClient(stack.apiUrl), screen, signal: cut.signal };
  await Promise.race([playScenes(SCENES, stage), stopped, broken]);
}

async function startDemoStack() {
  if (redisUrl !== undefined) await unwind.add('keys', () => dropKeys(redisUrl));
  return await startStack(
    {
      dir: join(dir, 'redis'),
      redisUrl,
      settings: { QUEUE_PREFIX: prefix, POLL_SECONDS: '0.5', EVENTS_POLL_SECONDS: '0.5', LOG_LEVEL: 'info' },
      host: '127.0.0.1',
      port: await freePort(),
      simulatorPort: await freePort(),
      onLine: (name, line) => log.write(`${logLine(name, line)}\n`),
    },
    unwind,
  );
}

/** Deletes the demo's keys from a Redis that was not started here. */
async function dropKeys(url: string): Promise<void> {
  const redis = connectRedis(url, 'blocking', () => {});
  await dropPrefix(redis, prefix);
  await closeRedis(redis);
}
