import { keyIn } from '../helpers/account.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CopyJob, CopyRef, Destination } from '../../src/domain/job.ts';
import type { Transition } from '../../src/domain/apply-transition.ts';
import * as removals from '../../src/domain/removal-transitions.ts';
import { retryFailed } from '../../src/domain/retry-transitions.ts';
import * as transitions from '../../src/domain/transitions.ts';
import { failureBecause } from '../../src/worker/failure.ts';
import { copyJob } from '../helpers/copy-job.ts';

const EU = 'eu-west-1';
const KEY = keyIn(EU);
const OLD = 'ami-0000000000000000a';
const NEW = 'ami-0000000000000000b';

const seen = { progress: 40, least: 40, encrypted: true, kmsKeyId: 'key', tagged: [] };
const nobody = {
  public: false,
  accounts: [],
  organizations: [],
  organizationalUnits: [],
  snapshotAccounts: [],
};
const failure = failureBecause('copy-failed', 'for a test');
const patience = { goneMs: 0, lostCopyMs: 0 };

/** Every transition of one destination, as a decision about a reference. */
const TRANSITIONS: Record<string, (ref: CopyRef & { attempt: number }) => Transition> = {
  begin: (ref) => transitions.begin(ref),
  park: (ref) => transitions.park(ref),
  accept: (ref) => transitions.accept(ref, OLD),
  observe: (ref) => transitions.observe(ref, seen),
  becomeAvailable: (ref) => transitions.becomeAvailable(ref, seen, []),
  reappeared: (ref) => transitions.reappeared(ref),
  beginSharing: (ref) => transitions.beginSharing(ref, nobody),
  removalRefused: (ref) => removals.removalRefused(ref, failure),
  succeed: (ref) => transitions.succeed(ref),
  fail: (ref) => transitions.fail(ref, failure),
  unreachable: (ref) => transitions.unreachable(ref, 0, { waiting: failure, error: failure }),
  notFound: (ref) => transitions.notFound(ref, patience, transitions.fail(ref, failure)),
  deregistered: (ref) => removals.deregistered(ref),
  stopped: (ref) => removals.stopped(ref),
};

const states = fc.constantFrom(
  'queued',
  'waiting',
  'pending',
  'available',
  'succeeded',
  'failed',
  'cancelled',
);
const times = fc.constantFrom(null, 1000);

/** A destination as any record may have it. */
const destinations: fc.Arbitrary<Partial<Destination>> = fc.record({
  state: states,
  imageId: fc.constantFrom(null, NEW),
  imageState: fc.constantFrom(null, 'pending' as const, 'available' as const),
  stopping: fc.constantFrom(null, 'cancel' as const, 'rollback' as const),
  startedAt: times,
  availableAt: times,
  unreachableSince: times,
  unseen: fc.constantFrom(null, { since: 1, polls: 9 }),
});

function jobWith(changes: Partial<Destination>, onFailure: CopyJob['onFailure']): CopyJob {
  const job = copyJob({ onFailure }, [EU, 'us-west-2']);
  return { ...job, destinations: job.destinations.map((one, i) => (i === 0 ? { ...one, ...changes } : one)) };
}

describe('whatever the record', () => {
  const records = fc.tuple(destinations, fc.constantFrom('keep' as const, 'deregister' as const));
  const names = fc.constantFrom(...Object.keys(TRANSITIONS));

  test('a transition decided on attempt n changes nothing of attempt n+1', () => {
    fc.assert(
      fc.property(records, names, fc.integer({ min: 1, max: 5 }), ([changes, onFailure], name, attempt) => {
        const job = jobWith({ ...changes, attempts: attempt + 1 }, onFailure);
        expect(TRANSITIONS[name]?.({ destination: KEY, attempt })(job, 9000), name).toBeNull();
      }),
    );
  });

  test('a transition decided on one image changes nothing of a record that has another, or none', () => {
    fc.assert(
      fc.property(records, names, ([changes, onFailure], name) => {
        const job = jobWith({ ...changes, attempts: 1 }, onFailure);
        expect(
          TRANSITIONS[name]?.({ destination: KEY, attempt: 1, imageId: OLD })(job, 9000),
          name,
        ).toBeNull();
      }),
    );
  });
});

function after(job: CopyJob, ...steps: Transition[]): CopyJob {
  return steps.reduce((before, transition) => transition(before, 5000) ?? before, job);
}

describe('a retry', () => {
  const first = { destination: KEY, attempt: 1 };
  const copied = [
    transitions.begin(first),
    transitions.accept(first, OLD),
    transitions.becomeAvailable(first, seen, []),
  ];

  test('of a copy whose image was deregistered is a new attempt, and the old image is still to be removed', () => {
    const gone = [
      removals.stopAll('cancel'),
      removals.deregistered(first),
      removals.removalRefused(first, failure),
    ];
    const [eu] = after(copyJob({}, [EU]), ...copied, ...gone, retryFailed).destinations;
    expect(eu).toMatchObject({ state: 'queued', attempts: 2, imageId: null, availableAt: null });
    expect(eu?.leftovers).toEqual([{ imageId: OLD, attempt: 1, since: 5000 }]);
  });

  test('of a copy that was to be removed never resumes it: a paused worker may still deregister it', () => {
    const refused = [removals.stopAll('cancel'), removals.removalRefused(first, failure)];
    const [eu] = after(copyJob({}, [EU]), ...copied, ...refused, retryFailed).destinations;
    expect(eu).toMatchObject({ state: 'queued', attempts: 2 });
  });

  test.each([
    [
      'before CopyImage answered',
      [transitions.begin(first)],
      { state: 'queued', startedAt: 5000, imageId: null },
    ],
    ['while EC2 copies', copied.slice(0, 2), { state: 'pending', imageId: OLD }],
    ['while it is finished', copied, { state: 'available', imageId: OLD }],
  ])('of a copy whose account was out of reach %s resumes the same attempt', (_, steps, expected) => {
    const error = failureBecause('account-not-reachable', 'for a test');
    const lost = transitions.unreachable(first, 0, { waiting: error, error });
    const job = after(copyJob({ onFailure: 'deregister' }), ...steps, lost);
    expect(job.destinations[1]).toMatchObject({ state: 'queued', stopping: null });
    const [eu] = after({ ...job, destinations: job.destinations.slice(0, 1) }, retryFailed).destinations;
    expect(eu).toMatchObject({ ...expected, attempts: 1, error: null });
    expect(eu?.leftovers ?? []).toEqual([]);
  });
});

test('an image counts as gone after three looks in a row over two minutes, and a look that finds it starts over', () => {
  const first = { destination: KEY, attempt: 1 };
  const ref = { ...first, imageId: OLD };
  const job = after(copyJob({}, [EU]), transitions.begin(first), transitions.accept(first, OLD));
  const look = transitions.notFound(
    ref,
    { goneMs: 120_000, lostCopyMs: 1000 },
    transitions.fail(ref, failure),
  );
  const at = (record: CopyJob, ...ages: number[]) =>
    ages.reduce((before, age) => look(before, 1_000_000 + age) ?? before, record).destinations[0]?.state;
  expect(at(job, 0, 1000, 2000, 119_999)).toBe('pending');
  expect(at(job, 0, 120_000)).toBe('pending');
  expect(at(job, 0, 1000, 120_000)).toBe('failed');
  const back = transitions.reappeared(ref)(look(look(job, 1_000_000) ?? job, 1_001_000) ?? job, 1_002_000);
  expect(at(back ?? job, 120_000)).toBe('pending');
});
