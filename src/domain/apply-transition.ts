import type { CopyJob, CopyRef, Destination, Job } from './job.ts';
import { withNeeded } from './holds.ts';
import { endedWithHub, removedWhenUnneeded } from './hubs.ts';
import { destinationKey, isAbout, isFinished } from './job.ts';

/**
 * A transition of a copy job: a pure function from a record to its next one. It returns `null` where it does not apply (any more): a
 * step that was delivered twice, or woken late, then has nothing to do. The transitions are in transitions.ts, removal-transitions.ts,
 * retry-transitions.ts and hold-transitions.ts.
 *
 * A transition is decided on one attempt at one destination and, where it concerns an image, on that image. It does not apply
 * to a record with another attempt or another image: an answer about attempt 1 changes nothing of attempt 2.
 *
 *   queued ──begin──▶ queued with an intent ──accept──▶ pending ──▶ available ──▶ succeeded
 *     │  ▲                 │                              │             │
 *     ▼  └─ retry ─ failed ◀──────────── fail ────────────┴─────────────┘
 *   waiting ──begin──▶ …  (pending ── outOfRoom ──▶ waiting)   stop ──▶ cancelled, at once or after `stopped` where EC2 may have made something
 */
export type Transition = (job: CopyJob, now: number) => CopyJob | null;

/** A transition of copies as a change of any job: it does not apply to other kinds. */
export function onCopy(transition: Transition): (job: Job, now: number) => Job | null {
  return (job, now) => (job.kind === 'copy' ? transition(job, now) : null);
}

export type Patch = Partial<Destination>;

/** Applies `patch` to one destination, whatever its attempt. `null` from `patch` means that the transition does not apply. */
export function changing(
  key: string,
  patch: (destination: Destination, now: number) => Patch | null,
): Transition {
  return (job, now) => {
    const index = job.destinations.findIndex((one) => destinationKey(one) === key);
    const destination = job.destinations[index];
    if (destination === undefined) return null;
    const changes = patch(destination, now);
    if (changes === null) return null;
    return finishing(
      { ...job, destinations: job.destinations.with(index, { ...destination, ...changes }) },
      now,
    );
  };
}

/**
 * {@link changing}, fenced by the attempt that the transition was decided on. Every transition except `unreachable` (transitions.ts) means
 * that EC2 answered: a wait for the account is over.
 */
export function fenced(
  ref: CopyRef,
  patch: (destination: Destination, now: number) => Patch | null,
): Transition {
  return changing(ref.destination, (one, now) => {
    const changes = isAbout(ref, one) ? patch(one, now) : null;
    return changes === null ? null : { ...reachable(one, now), ...changes };
  });
}

/** Ends a wait for the account. The error that said why it waited goes with it, and other deadlines count from now. */
function reachable({ unreachableSince, error }: Destination, now: number): Patch {
  if (unreachableSince === null) return {};
  const isWhy = error?.code === 'account-not-reachable';
  return { unreachableSince: null, heldUpAt: now, ...(isWhy ? { error: null } : {}) };
}

/** Applies what follows for hubs, their spokes and holds. Sets `updatedAt`. Sets `finishedAt` once all destinations are finished, and clears it while one is not. */
export function finishing(job: CopyJob, now: number): CopyJob {
  const ended = { ...job, destinations: job.destinations.map((one) => endedWithHub(job, one, now)) };
  const destinations = ended.destinations.map((one) => removedWhenUnneeded(ended, one, now));
  const done = destinations.every(isFinished);
  return withNeeded({
    ...job,
    destinations,
    updatedAt: now,
    finishedAt: done ? (job.finishedAt ?? now) : null,
  });
}

/** CopyImage may have been called for this attempt: a worker has saved the intent. */
export function mayBeMade({ startedAt, calledAgain }: Destination): boolean {
  return startedAt !== null || calledAgain;
}

export function found(job: CopyJob, ref: CopyRef): Destination | null {
  const one = job.destinations.find((each) => destinationKey(each) === ref.destination);
  return one === undefined || !isAbout(ref, one) ? null : one;
}
