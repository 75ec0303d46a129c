import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { isAlive, runEntry, runScript } from '../helpers/processes.ts';
import { until } from '../helpers/waiting.ts';
import type { Run } from '../helpers/processes.ts';
import { copyTree } from '../helpers/tree.ts';
import type { Tree } from '../helpers/tree.ts';

/** `npm start` for real, in a copy of the project, so that its .amiferry/ is not that of a person at work here. */
let tree: Tree;
let port: number;
let run: Run;
/** The path of a job that the first start was asked for. */
let kept = '/jobs/none';

/** Milliseconds: the same signal once more, soon, is npm's echo of the first (tools/dev/signals.ts). */
const BETWEEN_SIGNALS = 100;

beforeAll(async () => {
  tree = await copyTree(['package.json', 'src', 'simulator', 'console', 'tools']);
});
afterAll(() => tree.remove());
beforeEach(async () => {
  port = await freePort();
});
afterEach(async () => {
  run.kill('SIGKILL');
  await run.ended;
});

async function start(env: Record<string, string | undefined> = {}): Promise<void> {
  run = runEntry(tree.dir, 'tools/bin/start.ts', { ...(await ownPorts()), ...env });
}

async function ownPorts(): Promise<Record<string, string | undefined>> {
  return { REDIS_URL: undefined, PORT: String(port), SIMULATOR_PORT: String(await freePort()) };
}

/** Waits for the welcome, and reads from it who runs. */
async function pidsOfChildren(): Promise<Record<'simulator' | 'worker' | 'api' | 'redis', number>> {
  const [, simulator, worker, api, redis] = await run.untilSays(
    /simulator (\d+), worker (\d+), api (\d+), redis (\d+)/,
  );
  return { simulator: Number(simulator), worker: Number(worker), api: Number(api), redis: Number(redis) };
}

const requestCopy = () =>
  fetch(`http://127.0.0.1:${port}/amis/ami-0a1b2c3d4e5f60001/copies`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ destinations: [{ region: 'eu-west-1' }] }),
  });

const noneAlive = (pids: Record<string, number>) => () => !Object.values(pids).some(isAlive);

test('npm start brings everything up, says that EC2 is simulated, and leaves no process behind after SIGINT', async () => {
  run = runScript(tree.dir, 'start', await ownPorts());
  const pids = await pidsOfChildren();
  expect(run.output()).toContain('EC2 IS SIMULATED');
  expect(run.output()).toMatch(new RegExp(`Console +http://127.0.0.1:${port}/\\n`));
  expect(run.output()).toContain(`http://127.0.0.1:${port}/docs`);
  const accepted = await requestCopy();
  expect(accepted.status).toBe(202);
  kept = accepted.headers.get('location') ?? '';
  await run.untilSays(/^worker +\| .*listening for EC2's events/m);
  await run.untilSays(/^worker +\| .*ami-/m);

  // To npm alone, which passes it on.
  run.kill('SIGINT');
  expect(await run.ended).toBe(0);
  expect(noneAlive(pids)()).toBe(true);
});

test('keeps jobs over a restart; a second signal ends it at once, also when a part hangs', async () => {
  await start();
  const pids = await pidsOfChildren();
  expect((await fetch(`http://127.0.0.1:${port}${kept}`)).status).toBe(200);

  process.kill(pids.api, 'SIGSTOP');
  run.kill('SIGINT');
  await run.untilSays('Stopping');
  const again = setInterval(() => run.kill('SIGINT'), BETWEEN_SIGNALS);
  expect(await run.ended).toBe(130);
  clearInterval(again);
  await until(noneAlive(pids));
});

test('ends as a whole, with exit code 1 and the reason, when a part of it dies', async () => {
  await start();
  const pids = await pidsOfChildren();
  process.kill(pids.worker, 'SIGKILL');
  expect(await run.ended).toBe(1);
  expect(run.output()).toContain('The worker ended unexpectedly (SIGKILL).');
  expect(noneAlive(pids)()).toBe(true);
});

test('killed outright, and before all of them run, it takes its children with it', async () => {
  await start();
  const [, simulator = ''] = await run.untilSays(/^simulator +\| .* at (http:\S+)/m);
  const note = await readFile(join(tree.dir, '.amiferry/redis.json'), 'utf8');
  const { pid } = JSON.parse(note) as { pid: number };
  expect(isAlive(pid)).toBe(true);
  run.kill('SIGKILL');
  const answers = () => fetch(simulator).then(Boolean, () => false);
  await until(async () => !isAlive(pid) && !(await answers()));
});

test('a port that is taken ends it in one line that names the setting', async () => {
  const squatter = createServer().listen(port, '127.0.0.1');
  await once(squatter, 'listening');
  await start();
  expect(await run.ended).toBe(1);
  expect(run.output().trim()).toMatch(/^Port \d+ on 127\.0\.0\.1 is taken \(EADDRINUSE\): .* PORT=\d+\.$/);
  squatter.close();
});

test.each(['POLL_SECONDS', 'SIMULATOR_PORT'])('a %s that is invalid ends it in one line', async (name) => {
  await start({ [name]: 'often' });
  expect(await run.ended).toBe(1);
  expect(run.output().trim()).toMatch(new RegExp(`^${name}="often" .*$`));
});

test('a REDIS_URL at which nothing answers is named', async () => {
  await start({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
  expect(await run.ended).toBe(1);
  expect(run.output().trim()).toMatch(/^No Redis answers at REDIS_URL: .*ECONNREFUSED.*$/);
});
