import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { fencedBlocks } from '../docs/blocks.ts';
import { runEntry } from '../helpers/processes.ts';
import type { Run } from '../helpers/processes.ts';
import { expectClean, testRedisUrl } from '../helpers/redis.ts';

let temporary: string;
let run: Run;

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'amiferry-demo-test-'));
});
afterEach(async () => {
  run.kill('SIGKILL');
  await run.ended;
  await rm(temporary, { recursive: true });
});

function demo(env: Record<string, string | undefined>): void {
  run = runEntry(PROJECT_DIR, 'tools/bin/demo.ts', {
    SIMULATOR_COPY_SECONDS: '1',
    TMPDIR: temporary,
    ...env,
  });
}

/** A line without what is another each time. */
const alike = (line: string) => line.replaceAll(/ami-[0-9a-f]{17}|[0-9a-f]{8}-[0-9a-f-]{27}|\d+/g, 'N');

test('ends with three copies available in three regions, and leaves nothing behind, nor a key in a Redis that is not its own', async () => {
  demo({ REDIS_URL: testRedisUrl() });
  expect(await run.ended, run.output()).toBe(0);
  for (const region of ['eu-west-1', 'us-west-2', 'ap-southeast-2'])
    expect(run.output()).toMatch(new RegExp(`ami-[0-9a-f]{17} +${region} +available`));
  expect(run.output()).toMatch(/^In a browser, while the demo runs: http:\/\/127\.0\.0\.1:\d+\/$/m);
  // Event by event: whoever only looks now and then sees no copy between "available" and "succeeded".
  const [, id = ''] = /job ([0-9a-f-]{36})/.exec(run.output()) ?? [];
  expect(run.output()).toContain(`GET /jobs/${id}/events`);
  for (const region of ['eu-west-1', 'us-west-2', 'ap-southeast-2']) {
    const seen = [...run.output().matchAll(new RegExp(`^ +${region} +\\d+ % +([a-z]+)`, 'gm'))];
    const states = seen.map(([, state]) => state).filter((state, i, all) => state !== all[i - 1]);
    expect(states).toEqual(['queued', 'pending', 'available', 'succeeded']);
  }
  expect(run.output()).toMatch(/^ +\d+ events received$/m);
  // docs/copying.md shows such a run.
  const shown = fencedBlocks(readFileSync(join(PROJECT_DIR, 'docs/copying.md'), 'utf8'));
  const example = shown.find(({ text }) => text.startsWith('amiferry demo.'))?.text ?? '';
  const said = new Set(run.output().split('\n').map(alike));
  const lines = example.split('\n').filter((line) => !/ about | {2}- |^ {4}|Done/.test(line));
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.filter((line) => !said.has(alike(line)))).toEqual([]);
  // Plain lines where the output is no terminal.
  expect(run.output()).not.toContain('\u001B');
  expect(await readdir(temporary)).toEqual([]);
  const redis = new Redis(testRedisUrl());
  await expectClean(redis, '{demo-');
  redis.disconnect();
});

test('stopped half way, with a Redis of its own, it ends with exit code 1, the reason and the log', async () => {
  demo({ REDIS_URL: undefined, SIMULATOR_COPY_SECONDS: '600' });
  await run.untilSays('pending');
  run.kill('SIGTERM');
  expect(await run.ended).toBe(1);
  expect(run.output()).toContain('The demo failed: Stopped by SIGTERM');
  const [, log = ''] = await run.untilSays(/The log of all processes: (.*)/);
  expect(await readFile(log, 'utf8')).toMatch(/^api +\| /m);
  expect(existsSync(join(log, '../redis'))).toBe(false);
});
