import { afterEach, expect, test } from 'vitest';
import { until } from '../helpers/waiting.ts';
import type { Api } from './api.ts';
import { startApi } from './api.ts';

let api: Api;
let work: NodeJS.Timeout | undefined;
afterEach(async () => {
  clearInterval(work);
  await api.stop();
});

const NEVER_NOTIFIED = new Int32Array(new SharedArrayBuffer(4));

/** Holds the event loop up for so many milliseconds, without using the processor. */
function block(milliseconds: number): void {
  Atomics.wait(NEVER_NOTIFIED, 0, 0, milliseconds);
}

test('an event loop that lags on and on turns requests away, never the supervisor, and a single hiccup nobody', async () => {
  api = await startApi({ workers: 0 }, { maxEventLoopDelayMs: 300, eventLoopSampleMs: 1000 });
  block(600);
  expect((await api.get('/jobs')).statusCode).toBe(200);
  work = setInterval(() => block(600), 610);
  await until(async () => (await api.get('/jobs')).statusCode === 503);
  const answer = await api.get('/jobs');
  expect(answer.json()).toMatchObject({ status: 503, code: 'overloaded' });
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  expect((await api.get('/health/live')).statusCode).toBe(200);
  clearInterval(work);
  await until(async () => (await api.get('/jobs')).statusCode === 200);
});
