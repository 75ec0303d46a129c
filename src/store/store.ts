import type { Scope } from '../domain/ami.ts';
import type { AuditEntry } from '../domain/audit.ts';
import type { Job, JobKind, JobState } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-events.ts';
import type { ChangeQueues, ChangeRef } from './change-queues.ts';
import type { CopySlots, StartLimits } from './copy-slots.ts';
import type { Leases } from './leases.ts';
import type { Polls } from './polls.ts';

/** An event with its id in the job's log: ids rise, and name the place to go on from. */
export type LoggedEvent = JobEvent & { id: string };

/** `null` from a change means: nothing to do. It is called again, on the newer record, after a conflict. */
export type Change = (job: Job, now: number) => Job | null;

export type UpdateOutcome =
  | { outcome: 'changed'; before: Job; job: Job }
  | { outcome: 'unchanged'; job: Job }
  | { outcome: 'missing' }
  /** Only from `updateIfFirst`: another change is the first in the wait queue of the image. */
  | { outcome: 'not-first'; job: Job };

export interface JobFilter {
  state?: JobState;
  kind?: JobKind;
  imageId?: string;
  /** Id of a principal. */
  requestedBy?: string;
  /** 1–100. */
  limit: number;
  cursor?: string;
}

export interface JobPage {
  jobs: Job[];
  /** Give it back to get the next page; `null` on the last one. A page may have fewer jobs than asked for and not be the last. */
  nextCursor: string | null;
}

/** What is kept of a request, so that it is known when it comes again. */
export interface Receipt {
  key: string;
  /** Names this one request. */
  token: string;
  /** Tells which request it is: its repetition has the same. */
  fingerprint: string;
  value: string;
  /** Milliseconds. */
  ttl: number;
}

/**
 * What goes with a write, in the same script: it is kept if the write is made, and only then. A write with a receipt is made
 * once, and not where its key is another request's by now, or its repetition has written: it rejects with `idempotency-key-in-progress`.
 */
export interface Alongside {
  receipt?: Receipt | undefined;
  /** An entry of the audit. Its log line is the caller's. */
  audit?: AuditEntry | undefined;
}

/** Copy slots and calls of CopyImage for some destinations of a job. */
export interface SlotsRequest {
  /** As it was just read: it is read again only where it was written since. */
  job: Job;
  destinations: readonly { destination: string; scope: Scope; isTimeBased?: boolean }[];
  limits: StartLimits;
}

/** A {@link Change} that learns which of the destinations get no slot or no call. */
export type SlotsChange = (job: Job, now: number, refused: ReadonlySet<string>) => Job | null;

/**
 * The records of all jobs: the truth that everything else (queue, events, indexes) follows. Each write is one atomic
 * script that checks the version, sets the record, appends the events and keeps the indexes; wake-ups of what became due
 * follow it in the same round trip. Every method rejects with ioredis' errors while Redis is away.
 */
export interface JobStore {
  readonly polls: Polls;
  readonly copySlots: CopySlots;
  readonly changeQueues: ChangeQueues;
  readonly leases: Leases;

  /** Epoch milliseconds by Redis' clock, the one that all processes share. */
  now(): number;
  /** `exists`: there is a job of that id already, and it is left as it is. */
  create(job: Job, alongside?: Alongside): Promise<'created' | 'exists'>;
  get(id: string): Promise<Job | null>;
  list(filter: JobFilter): Promise<JobPage>;
  update(id: string, change: Change, alongside?: Alongside): Promise<UpdateOutcome>;
  /**
   * As {@link update}, but only where each destination gets one of its scope's copy slots and a call of CopyImage. The
   * change learns which get none, and decides what becomes of them in the same write.
   */
  updateWithSlots(request: SlotsRequest, change: SlotsChange): Promise<UpdateOutcome>;

  /**
   * Jobs with anything left to do that is due by then (epoch milliseconds), as their last write knew it; with `Infinity` all
   * with anything left to do, copies included that just wait for EC2.
   */
  unfinished(dueBy: number): Promise<string[]>;
  /** As {@link update}, but only if the change is the first in the wait queue of the image, and so from then on. */
  updateIfFirst(ref: ChangeRef, scope: Scope, imageId: string, change: Change): Promise<UpdateOutcome>;
  /** Deletes jobs that finished longer ago than this; returns how many. */
  deleteFinishedBefore(time: number, limit: number): Promise<number>;
}
