import { describe, expect, test } from 'vitest';
import type { Job } from '../../src/domain/job.ts';
import { failureBecause } from '../../src/worker/failure.ts';
import * as transitions from '../helpers/transitions.ts';
import type { AttemptResult } from '../../src/domain/webhooks.ts';
import {
  announce,
  deliveriesKept,
  giveUp,
  recordAttempt,
  redelivered,
  withoutEndpoint,
} from '../../src/domain/webhooks.ts';
import { keyIn } from '../helpers/account.ts';
import { copyJob } from '../helpers/copy-job.ts';

const DAY = 86_400_000;
const TIMES = { backoffMs: 5000, retryMs: 3 * DAY };
const FAILED: AttemptResult = { outcome: 'again', status: 500, error: 'it answered 500' };

const running = copyJob({ notify: ['https://a.example/', 'https://b.example/'] });
const cancelled = transitions.stopAll('cancel')(running, 2000) ?? running;
const announced = announce(running, cancelled);
const first = announced.messages[0]?.delivery ?? fail();

describe('announce', () => {
  test('has a delivery for each end and endpoint, numbered from 1', () => {
    const of = announced.messages.map(({ delivery }) => delivery);
    expect(
      of.map(({ n, event, destination, url, state, nextAt }) => [n, event, destination, url, state, nextAt]),
    ).toEqual([
      [1, 'destination.finished', keyIn('eu-west-1'), 'https://a.example/', 'pending', 2000],
      [2, 'destination.finished', keyIn('eu-west-1'), 'https://b.example/', 'pending', 2000],
      [3, 'destination.finished', keyIn('us-west-2'), 'https://a.example/', 'pending', 2000],
      [4, 'destination.finished', keyIn('us-west-2'), 'https://b.example/', 'pending', 2000],
      [5, 'job.finished', null, 'https://a.example/', 'pending', 2000],
      [6, 'job.finished', null, 'https://b.example/', 'pending', 2000],
    ]);
    expect(announced.job.deliveriesMade).toBe(6);
  });

  test('has nothing where no endpoint is notified, or nothing has ended', () => {
    const silent = copyJob({});
    const over = transitions.stopAll('cancel')(silent, 2000) ?? silent;
    expect(announce(silent, over)).toEqual({ job: over, messages: [] });
    const begun = transitions.begin('eu-west-1')(running, 1500) ?? running;
    expect(announce(running, begun)).toEqual({ job: begun, messages: [] });
    expect(announce(announced.job, announced.job).messages).toEqual([]);
  });

  test('numbers the deliveries of a retried job on', () => {
    const { job } = announce(running, failed(running));
    const retried = transitions.onCopy(transitions.retryFailed)(job, 3000) ?? fail();
    const { messages } = announce(retried, failed(retried));
    expect(messages.map(({ delivery }) => delivery.n)).toEqual([7, 8, 9, 10, 11, 12]);
    expect(messages.at(-1)?.body).toContain('no room');
  });

  test('a job keeps 500 deliveries, or those of two runs if that is more', () => {
    expect(deliveriesKept(running)).toBe(500);
    const notify = Array.from({ length: 200 }, (_, i) => `https://${i}.example/`);
    expect(deliveriesKept({ ...running, notify })).toBe(2 * 3 * 200);
  });
});

function failed(job: Job): Job {
  return running.destinations.reduce((latest, { spec }) => {
    const fails = transitions.fail(spec.region, failureBecause('copy-failed', 'no room'));
    return transitions.onCopy(fails)(latest, 3000) ?? latest;
  }, job);
}

function fail(): never {
  throw new Error('there is no delivery');
}

describe('recordAttempt', () => {
  /** The waits between the tries of the first delivery until it is given up. */
  function waits(random: number): number[] {
    const all: number[] = [];
    let delivery = first;
    let now = 2000;
    for (;;) {
      delivery = recordAttempt(FAILED, TIMES, random)(delivery, now) ?? fail();
      const { nextAt, state } = delivery;
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

  test('410 ends the delivery, and all others to that endpoint', () => {
    const gone = recordAttempt({ outcome: 'gone' }, TIMES)(first, 3000);
    expect(gone).toMatchObject({ state: 'failed', nextAt: null, attempts: [{ status: 410 }] });
    expect(giveUp(first, 3000)).toEqual({ ...first, state: 'failed', nextAt: null });
    const left = withoutEndpoint(first.url)(running);
    expect(left?.notify).toEqual(['https://b.example/']);
    expect(withoutEndpoint(first.url)(left ?? running)).toBeNull();
  });

  test('changes nothing that is over', () => {
    const done = recordAttempt({ outcome: 'delivered', status: 200 }, TIMES)(first, 3000) ?? fail();
    expect(recordAttempt(FAILED, TIMES)(done, 4000)).toBeNull();
    expect(giveUp(done, 4000)).toBeNull();
  });
});

test('a delivery that is sent again has all its time again, whatever became of it', () => {
  const done = recordAttempt({ outcome: 'delivered', status: 200 }, TIMES)(first, 3000) ?? fail();
  expect(redelivered(done, 9000)).toMatchObject({
    state: 'pending',
    nextAt: 9000,
    since: 9000,
    attempts: [{ status: 200 }],
  });
});
