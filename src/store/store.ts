import type { Scope } from '../domain/ami.ts';
import type { AuditEntry } from '../domain/audit.ts';
import type { Job, JobKind, JobState } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-events.ts';
import type { ChangeQueues, ChangeRef } from './change-queues.ts';
import type { CopySlots, StartLimits } from './copy-slots.ts';
import type { Deliveries } from './deliveries.ts';
import type { HoldChanges, Holds } from './holds.ts';
import type { Leases } from './leases.ts';
import type { Polls } from './polls.ts';

/** An event with its id in the job's log. Ids increase; a reader resumes after the last id that it has read. */
export type LoggedEvent = JobEvent & { id: string };

/** Returns the next version of a record, or `null` if nothing is to be changed. After a conflict it is called again with the newer record. */
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
  /** The cursor of the next page; `null` on the last one. A page may have fewer jobs than asked for, and still not be the last. */
  nextCursor: string | null;
}

/** What is stored of a request, so that its repetition is recognised. */
export interface Receipt {
  key: string;
  /** Identifies this request. */
  token: string;
  /** The same for a request and its repetitions. */
  fingerprint: string;
  value: string;
  /** Milliseconds. */
  ttl: number;
}

/**
 * What the script stores together with a write, only if it makes the write. A write with a receipt is made once. It rejects with
 * `idempotency-key-in-progress` if another request holds the key, or if a repetition has made the write.
 */
export interface Alongside {
  receipt?: Receipt | undefined;
  /** An entry of the audit. The caller writes its log line. */
  audit?: AuditEntry | undefined;
}

/** Copy slots and calls of CopyImage for some destinations of a job. */
export interface SlotsRequest {
  /** The job as it was just read. The store reads it again only after a conflict. */
  job: Job;
  destinations: readonly { destination: string; scope: Scope; isTimeBased?: boolean }[];
  limits: StartLimits;
}

/** A {@link Change} that is given the destinations which get no slot or no call. */
export type SlotsChange = (job: Job, now: number, refused: ReadonlySet<string>) => Job | null;

/**
 * The records of all jobs: the source of truth, from which queue, events and indexes follow. Each write is one atomic script, which checks
 * the version, sets the record, appends the events and updates the indexes. The wake-ups of what became due follow in the same round trip. Every method rejects with ioredis' errors while Redis is away.
 */
export interface JobStore {
  readonly polls: Polls;
  readonly copySlots: CopySlots;
  readonly changeQueues: ChangeQueues;
  readonly holds: Holds;
  readonly leases: Leases;
  readonly deliveries: Deliveries;

  /** Epoch milliseconds by Redis' clock, the one that all processes share. */
  now(): number;
  /** `exists`: there already is a job with that id, and it is not changed. */
  create(job: Job, alongside?: Alongside): Promise<'created' | 'exists'>;
  get(id: string): Promise<Job | null>;
  list(filter: JobFilter): Promise<JobPage>;
  update(id: string, change: Change, alongside?: Alongside): Promise<UpdateOutcome>;
  /**
   * As {@link update}, but each destination also needs a copy slot and a call of CopyImage of its scope. The change is given the
   * destinations that get none, and decides in the same write what becomes of them.
   */
  updateWithSlots(request: SlotsRequest, change: SlotsChange): Promise<UpdateOutcome>;

  /**
   * Jobs in which something is due by a time (epoch milliseconds), according to their last write. With `Infinity`: all jobs with anything
   * left to do, including copies that wait for EC2.
   */
  unfinished(dueBy: number): Promise<string[]>;
  /**
   * As {@link update}, but only if the change is the first in the wait queue of its image. From then on it stays the first.
   * @param holds what becomes known of the holds of the image by the same write
   */
  updateIfFirst(
    ref: ChangeRef,
    scope: Scope,
    imageId: string,
    change: Change,
    holds?: HoldChanges,
  ): Promise<UpdateOutcome>;
  /** Makes a delivery of a job due now, whatever its state. `unchanged`: the job has no delivery of that number. */
  redeliver(id: string, n: number, alongside: Alongside): Promise<UpdateOutcome>;
  /** Deletes jobs that finished before a time, epoch milliseconds, at most `limit`. It keeps those that still have a webhook to send. Returns how many. */
  deleteFinishedBefore(time: number, limit: number): Promise<number>;
}
