import { describe, expect, test } from 'vitest';
import type { CopyJob, Job } from '../../src/domain/job.ts';
import { failureBecause } from '../../src/worker/failure.ts';
import * as transitions from '../helpers/transitions.ts';
import type { AttemptResult } from '../../src/domain/webhooks.ts';
import { announce, recordAttempt, redeliver } from '../../src/domain/webhooks.ts';
import { copyJob } from '../helpers/copy-job.ts';

const DAY = 86_400_000;
const TIMES = { backoffMs: 5000, retryMs: 3 * DAY };
const FAILED: AttemptResult = { outcome: 'again', status: 500, error: 'it answered 500' };

const running = copyJob({ notify: ['https://a.example/', 'https://b.example/'] });
const cancelled = transitions.stopAll('cancel')(running, 2000) ?? running;
const told = announce(running, cancelled);

describe('announce', () => {
  test('has a delivery for each end and endpoint, numbered from 1', () => {
    expect(told.deliveries.map(({ n, event, url, state, nextAt }) => [n, event, url, state, nextAt])).toEqual(
      [
        [1, 'destination.finished', 'https://a.example/', 'pending', 2000],
        [2, 'destination.finished', 'https://b.example/', 'pending', 2000],
        [3, 'destination.finished', 'https://a.example/', 'pending', 2000],
        [4, 'destination.finished', 'https://b.example/', 'pending', 2000],
        [5, 'job.finished', 'https://a.example/', 'pending', 2000],
        [6, 'job.finished', 'https://b.example/', 'pending', 2000],
      ],
    );
  });

  test('has nothing where nobody is to be told, or nothing has ended', () => {
    const silent = copyJob({});
    const over = transitions.stopAll('cancel')(silent, 2000) ?? silent;
    expect(announce(silent, over)).toBe(over);
    const begun = transitions.begin('eu-west-1')(running, 1500) ?? running;
    expect(announce(running, begun)).toBe(begun);
    expect(announce(told, told)).toBe(told);
  });

  test('keeps those that wait when there are too many', () => {
    const many = {
      ...told,
      deliveries: Array.from({ length: 600 }, (_, i) => ({
        ...(told.deliveries[0] ?? fail()),
        n: i + 1,
        state: i < 5 ? ('pending' as const) : ('delivered' as const),
      })),
    };
    const next = announce(
      { ...many, destinations: running.destinations } as Job,
      { ...many, destinations: cancelled.destinations } as Job,
    );
    expect(next.deliveries).toHaveLength(500);
    expect(next.deliveries.slice(0, 5).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5]);
    expect(next.deliveries.at(-1)?.n).toBe(606);
  });

  /** A job whose copies fail and are retried again and again, with receivers that take nothing. */
  function afterRetries(job: CopyJob, times: number): Job {
    let latest: Job = job;
    const write = (transition: transitions.Transition) => {
      const next = transitions.onCopy(transition)(latest, latest.updatedAt + 1);
      if (next !== null) latest = announce(latest, next);
    };
    for (let i = 0; i < times; i += 1) {
      for (const { spec } of job.destinations)
        write(transitions.fail(spec.region, failureBecause('copy-failed', `try ${i}`)));
      write(transitions.retryFailed);
    }
    return latest;
  }

  test('drops the oldest where a job that is retried without end has too many that wait', () => {
    const { deliveries } = afterRetries(running, 400);
    expect(deliveries).toHaveLength(500);
    expect(deliveries.at(-1)?.n).toBe(400 * 6);
    expect(JSON.stringify(deliveries.at(-1)?.data)).toContain('try 399');
  });

  test('keeps all of two rounds, however many endpoints there are', () => {
    const notify = Array.from({ length: 200 }, (_, i) => `https://${i}.example/`);
    expect(afterRetries({ ...running, notify }, 5).deliveries).toHaveLength(2 * 3 * 200);
  });
});

const fail = (): never => {
  throw new Error('there is no delivery');
};

describe('recordAttempt', () => {
  /** The waits between the tries of the first delivery until it is given up. */
  function waits(random: number): number[] {
    const all: number[] = [];
    let job: Job = told;
    let now = 2000;
    for (;;) {
      job = recordAttempt(1, FAILED, TIMES, random)(job, now) ?? fail();
      const { nextAt, state } = job.deliveries[0] ?? fail();
      if (nextAt === null) {
        expect(state).toBe('failed');
        return all;
      }
      all.push(nextAt - now);
      now = nextAt;
    }
  }

  test('waits longer and longer, over three days, and then gives up', () => {
    const all = waits(0.5);
    expect(all.slice(0, 4)).toEqual([5000, 15_000, 45_000, 135_000]);
    expect(all).toEqual(all.toSorted((a, b) => a - b));
    const total = all.reduce((sum, one) => sum + one, 0);
    expect(total).toBeGreaterThan(2.4 * DAY);
    expect(total).toBeLessThanOrEqual(3 * DAY);
  });

  test.each([0, 1])('spreads the waits by a fifth (%i)', (random) => {
    expect(waits(random)[0]).toBe(random === 0 ? 4000 : 6000);
  });

  test('410 ends all that goes to that endpoint, now and later, and nothing else', () => {
    const gone = recordAttempt(1, { outcome: 'gone' }, TIMES)(told, 3000) ?? fail();
    expect(gone.deliveries.map(({ state }) => state)).toEqual([
      'failed',
      'pending',
      'failed',
      'pending',
      'failed',
      'pending',
    ]);
    expect(gone.notify).toEqual(['https://b.example/']);
  });

  test('changes nothing that is over', () => {
    const done = recordAttempt(1, { outcome: 'delivered', status: 200 }, TIMES)(told, 3000) ?? fail();
    expect(recordAttempt(1, FAILED, TIMES)(done, 4000)).toBeNull();
    expect(recordAttempt(99, FAILED, TIMES)(told, 4000)).toBeNull();
  });
});

test('redeliver gives a delivery all its time again, whatever became of it', () => {
  const done = recordAttempt(1, { outcome: 'delivered', status: 200 }, TIMES)(told, 3000) ?? fail();
  const again = redeliver(1)(done, 9000) ?? fail();
  expect(again.deliveries[0]).toMatchObject({
    state: 'pending',
    nextAt: 9000,
    since: 9000,
    attempts: [{ status: 200 }],
  });
  expect(redeliver(7)(done, 9000)).toBeNull();
});
