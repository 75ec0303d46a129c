import { keyIn, OWN } from '../helpers/account.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StepsAtWork } from '../../src/worker/steps-at-work.ts';
import { watchWorker } from '../../src/worker/watchdog.ts';
import { logLines } from '../helpers/log-lines.ts';
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
  const watched = { producer: source, stepsAtWork: new StepsAtWork(), logger: testLogger() };
  const bounds = { patience: PATIENCE, pollMs: PATIENCE };
  const watchdog = watchWorker(watched, bounds, () => (gaveUp += 1));
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

/** Watches a worker with one step at work for so many times {@link PATIENCE}. What it logs, and how often it gave up. */
async function stepFor(times: number, about: { step: string; job?: string }, pollMs = 1) {
  const { logger, lines } = logLines();
  const stepsAtWork = new StepsAtWork();
  const step = Promise.withResolvers<void>();
  const running = stepsAtWork.run(about, () => step.promise);
  let gaveUp = 0;
  const producer = { counts: () => Promise.reject(new Error('Redis is away')) };
  const bounds = { patience: PATIENCE, pollMs };
  const watchdog = watchWorker({ producer, stepsAtWork, logger }, bounds, () => (gaveUp += 1));
  await vi.advanceTimersByTimeAsync(times * PATIENCE);
  const wedged = watchdog.wedged();
  step.resolve();
  await running;
  expect(stepsAtWork.all()).toEqual([]);
  watchdog.stop();
  return { gaveUp, wedged, said: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const REMOVE = { step: 'remove-copy', job: 'a-job', destination: keyIn('eu-west-1') };
const POLL = { step: 'track-region', scope: `${OWN}/eu-west-1` };

test('a step that does not end makes a worker give up, and the log names it, also while Redis is away', async () => {
  expect(await stepFor(9, REMOVE)).toEqual({ gaveUp: 0, wedged: false, said: [] });
  const { gaveUp, wedged, said } = await stepFor(11, REMOVE);
  expect([gaveUp, wedged]).toEqual([1, true]);
  expect(said).toMatchObject([{ ...REMOVE, level: 60, seconds: expect.any(Number) }]);
});

test('a poll of a region holds up all copies there: it may take less time, and so many poll intervals', async () => {
  expect(await stepFor(1, POLL)).toMatchObject({ gaveUp: 0, wedged: false });
  expect(await stepFor(3, POLL)).toMatchObject({ gaveUp: 1, wedged: true, said: [POLL] });
  expect(await stepFor(8, POLL, PATIENCE)).toMatchObject({ gaveUp: 0, wedged: false });
  expect(await stepFor(25, POLL, PATIENCE)).toMatchObject({ gaveUp: 1, wedged: true });
});
