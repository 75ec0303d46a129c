import { expect, test } from 'vitest';
import type { CopyJob } from '../../src/domain/job.ts';
import { dueSteps } from '../../src/domain/next-step.ts';
import { dueHolds, triesOf, withNeeded } from '../../src/domain/holds.ts';
import { holdsGiven, holdsRefused, holdsTried } from '../../src/domain/hold-transitions.ts';
import { attemptRef } from '../../src/domain/job.ts';
import { stopAll } from '../../src/domain/removal-transitions.ts';
import { begin, fail } from '../../src/domain/transitions.ts';
import { retryFailed } from '../../src/domain/retry-transitions.ts';
import { B } from '../helpers/accounts.ts';
import { copyJob } from '../helpers/copy-job.ts';

const ERROR = {
  code: 'copy-failed' as const,
  message: 'no',
  retryable: false,
  awsCode: null,
  awsRequestId: null,
};

/** A new job that copies into B, in two regions. */
function abroad(): CopyJob {
  const job = copyJob({});
  const destinations = job.destinations.map((one) => ({ ...one, spec: { ...one.spec, account: B } }));
  return withNeeded({ ...job, destinations });
}

const SOURCE = { imageId: 'ami-0a1b2c3d4e5f60001', account: copyJob({}).image.account, region: 'us-east-1' };

/** Applies transitions in order. */
function after(job: CopyJob, ...transitions: ((job: CopyJob, now: number) => CopyJob | null)[]): CopyJob {
  return transitions.reduce((now, transition, i) => transition(now, 2000 + i) ?? now, job);
}

test('a job that ends before it has begun to give access has to take it back: an earlier job may have given it', () => {
  const job = abroad();
  expect(dueHolds(job)).toEqual([{ image: SOURCE, give: [B], release: [] }]);
  const ended = after(job, holdsRefused(SOURCE, [B], ERROR));
  expect(ended.finishedAt).not.toBeNull();
  expect(dueHolds(ended)).toEqual([{ image: SOURCE, give: [], release: [B] }]);
  expect(dueSteps(ended, 3000)).toEqual([{ step: 'hold-source', imageId: SOURCE.imageId }]);
});

test('the deadline to take access back does not count from the first try to give it, nor does that of a retry', () => {
  const tried = after(abroad(), holdsTried(SOURCE, [B], 'give', 'other'));
  expect(triesOf(tried, SOURCE, [B], 'give')).toMatchObject({ since: 2000, heldUpAt: null });
  const cancelled = after(tried, stopAll('cancel'));
  expect(dueHolds(cancelled)).toMatchObject([{ release: [B] }]);
  expect(triesOf(cancelled, SOURCE, [B], 'release')).toBeNull();
  const [one] = abroad().destinations;
  if (one === undefined) throw new Error('the job has no destination');
  const retried = after(tried, fail(attemptRef(one), ERROR), retryFailed);
  expect(triesOf(retried, SOURCE, [B], 'give')).toBeNull();
});

test('a try that another step has overtaken says nothing', () => {
  const held = after(abroad(), holdsGiven(SOURCE, [B]));
  expect(after(held, holdsTried(SOURCE, [B], 'give', 'other'))).toBe(held);
});

test('throttling and refused credentials move the time from which other errors count', () => {
  const tries = [holdsTried(SOURCE, [B], 'give', 'other'), holdsTried(SOURCE, [B], 'give', 'held-up')];
  expect(triesOf(after(abroad(), ...tries), SOURCE, [B], 'give')).toMatchObject({
    since: 2000,
    heldUpAt: 2001,
  });
});

test('only tries in a row that do not find the image say that it is gone', () => {
  const unseen = holdsTried(SOURCE, [B], 'give', 'unseen');
  const twice = after(abroad(), holdsTried(SOURCE, [B], 'give', 'other'), unseen, unseen);
  expect(triesOf(twice, SOURCE, [B], 'give')?.unseen).toEqual({ since: 2001, polls: 2 });
  const seen = after(twice, holdsTried(SOURCE, [B], 'give', 'other'));
  expect(triesOf(seen, SOURCE, [B], 'give')?.unseen).toBeNull();
});

test('what EC2 may be copying already does not fail with the access for the others', () => {
  const job = after(abroad(), holdsGiven(SOURCE, [B]));
  const [one] = job.destinations;
  if (one === undefined) throw new Error('the job has no destination');
  const begun = after(job, begin(attemptRef(one)));
  const due = { ...begun, holds: begun.holds?.map((hold) => ({ ...hold, state: 'due' as const })) ?? [] };
  const refused = after(due, holdsRefused(SOURCE, [B], ERROR));
  expect(refused.destinations.map(({ state }) => state)).toEqual(['queued', 'failed']);
  expect(dueHolds(refused)).toEqual([]);
});
