import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchQueue } from '../../src/worker/watchdog.ts';
import { testLogger } from '../helpers/service.ts';

/** Milliseconds, of the test's own time: a step of it for each look. */
const PATIENCE = 60;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

async function looks(counts: () => { waiting: number; active: number }) {
  let seen = 0;
  let gaveUp = 0;
  const source = {
    counts: async () => {
      seen += 1;
      return counts();
    },
  };
  const watchdog = watchQueue(source, testLogger(), PATIENCE, () => (gaveUp += 1));
  for (let i = 0; i < 20; i += 1) await vi.advanceTimersByTimeAsync(PATIENCE / 6);
  expect(seen).toBe(20);
  watchdog.stop();
  return { gaveUp, wedged: watchdog.wedged() };
}

test('steps that wait while none is at work make a worker give up, once', async () => {
  expect(await looks(() => ({ waiting: 3, active: 0 }))).toEqual({ gaveUp: 1, wedged: true });
});

test('an empty queue, or a busy one, does not', async () => {
  expect(await looks(() => ({ waiting: 0, active: 0 }))).toEqual({ gaveUp: 0, wedged: false });
  expect(await looks(() => ({ waiting: 900, active: 20 }))).toEqual({ gaveUp: 0, wedged: false });
});

test('a queue that moves now and then does not', async () => {
  let look = 0;
  const moving = () => ({ waiting: 3, active: (look += 1) % 3 === 0 ? 1 : 0 });
  expect(await looks(moving)).toEqual({ gaveUp: 0, wedged: false });
});

test('a Redis that does not answer is not taken for a wedged worker', async () => {
  const down = () => {
    throw new Error('Redis is away');
  };
  expect(await looks(down)).toEqual({ gaveUp: 0, wedged: false });
});
