import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CopyJob, Destination } from '../../src/domain/job.ts';
import { isFinished, jobProgress, jobState } from '../../src/domain/job.ts';
import type { Transition } from '../../src/domain/apply-transition.ts';
import * as transitions from '../helpers/transitions.ts';
import { failureBecause } from '../../src/worker/failure.ts';
import { copyJob } from '../helpers/copy-job.ts';

const seen = { progress: 40, least: 40, encrypted: null, kmsKeyId: null, tagged: [] };
const broken = failureBecause('copy-failed', 'for a test');

/** Every transition there is, for a job with the destinations a and b. */
const TRANSITIONS: Record<string, Transition> = Object.fromEntries(
  ['eu-west-1', 'us-west-2'].flatMap((key): [string, Transition][] => [
    [`begin ${key}`, transitions.begin(key)],
    [`park ${key}`, transitions.park(key)],
    [`accept ${key}`, transitions.accept(key, 'ami-0000000000000000a')],
    [`observe ${key}`, transitions.observe(key, seen)],
    [`available ${key}`, transitions.becomeAvailable(key, seen, [])],
    [`succeed ${key}`, transitions.succeed(key)],
    [`fail ${key}`, transitions.fail(key, broken)],
    [`deregistered ${key}`, transitions.deregistered(key)],
    [`stopped ${key}`, transitions.stopped(key)],
    ['cancel', transitions.stopAll('cancel')],
    ['retry', transitions.retryFailed],
  ]),
);

/** Where a destination may go from where it is; staying is always allowed. */
const LEGAL: Record<Destination['state'], Destination['state'][]> = {
  queued: ['waiting', 'pending', 'failed', 'cancelled'],
  waiting: ['queued', 'failed', 'cancelled'],
  pending: ['available', 'failed', 'cancelled'],
  available: ['succeeded', 'failed', 'cancelled'],
  succeeded: ['cancelled'],
  failed: ['queued', 'available'],
  cancelled: ['queued'],
};

function play(
  job: CopyJob,
  names: string[],
  check: (before: CopyJob, after: CopyJob, name: string) => void,
): CopyJob {
  let now = 1000;
  return names.reduce((before, name) => {
    now += 1000;
    const after = TRANSITIONS[name]?.(before, now) ?? before;
    check(before, after, name);
    return after;
  }, job);
}

const sequences = fc.array(fc.constantFrom(...Object.keys(TRANSITIONS)), { maxLength: 60 });
const policies = fc.constantFrom('keep' as const, 'deregister' as const);

describe('whatever moves come in whatever order', () => {
  test('a destination goes only where it may', () => {
    fc.assert(
      fc.property(sequences, policies, (names, onFailure) => {
        play(copyJob({ onFailure }), names, (before, after, name) =>
          after.destinations.forEach((one, i) => {
            const from = before.destinations[i]?.state ?? 'queued';
            expect([from, ...LEGAL[from]], name).toContain(one.state);
          }),
        );
      }),
    );
  });

  test('finishedAt is set exactly while everything is finished, and states agree', () => {
    fc.assert(
      fc.property(sequences, policies, (names, onFailure) => {
        play(copyJob({ onFailure }), names, (_before, after) => {
          const finished = after.destinations.every(isFinished);
          expect(after.finishedAt !== null).toBe(finished);
          expect(['queued', 'running'].includes(jobState(after))).toBe(!finished);
          for (const one of after.destinations) {
            if (isFinished(one)) expect(one.finishedAt).not.toBeNull();
            if (one.state === 'failed') expect(one.error).not.toBeNull();
            if (one.state === 'succeeded' && one.stopping === null) expect(one.error).toBeNull();
          }
        });
      }),
    );
  });

  test('a begun copy is never called cancelled before what it may have made is gone', () => {
    fc.assert(
      fc.property(sequences, policies, (names, onFailure) => {
        play(copyJob({ onFailure }), names, (before, after, name) =>
          after.destinations.forEach((one, i) => {
            const was = before.destinations[i];
            const ended = one.state === 'cancelled' && was?.state !== 'cancelled';
            if (ended && was?.startedAt !== null) expect(name).toMatch(/^stopped/);
          }),
        );
      }),
    );
  });

  test('doing a transition twice at once is doing it once', () => {
    fc.assert(
      fc.property(sequences, fc.constantFrom(...Object.keys(TRANSITIONS)), (names, last) => {
        const job = play(copyJob({}), names, () => {});
        const once = TRANSITIONS[last]?.(job, 1e6);
        if (!once || last.startsWith('begin') || last === 'retry') return;
        expect(TRANSITIONS[last]?.(once, 1e6) ?? once).toEqual(once);
      }),
    );
  });
});

test('a retry takes up a complete copy where it failed, and copies again what has none', () => {
  const steps = ['begin eu-west-1', 'accept eu-west-1', 'available eu-west-1', 'fail eu-west-1'];
  const failed = play(copyJob({}), [...steps, 'begin us-west-2', 'fail us-west-2'], () => {});
  expect(jobState(failed)).toBe('failed');
  const [eu, us] = transitions.retryFailed(failed, 9999)?.destinations ?? [];
  expect(eu).toMatchObject({
    state: 'available',
    attempts: 1,
    imageId: 'ami-0000000000000000a',
    error: null,
  });
  expect(us).toMatchObject({ state: 'queued', attempts: 2, imageId: null, startedAt: null, error: null });
});

test('progress stays under 100 until the image is available, and never falls', () => {
  const started = play(copyJob({}), ['begin eu-west-1', 'accept eu-west-1'], () => {});
  const full = transitions.observe('eu-west-1', { ...seen, progress: 100 })(started, 5000);
  expect(full?.destinations[0]?.progress).toBe(99);
  expect(full && transitions.observe('eu-west-1', seen)(full, 6000)).toBeNull();
  expect(full && jobProgress(full)).toBe(49);
});
