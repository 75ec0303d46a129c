import type { Scope } from '../domain/ami.ts';
import type { AuditEntry } from '../domain/audit.ts';
import type { Job, JobKind, JobState } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-events.ts';
import type { ChangeQueues, ChangeRef } from './change-queues.ts';
import type { CopySlots, StartLimits } from './copy-slots.ts';
import type { Leases } from './leases.ts';
import type { Polls } from './polls.ts';

/** An event with its id in the job's log. Ids rise; reading continues from one. */
export type LoggedEvent = JobEvent & { id: string };

/** `null` from a change means that there is nothing to do. After a conflict the change is called again with the newer record. */
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
  /** Give it back to get the next page; `null` on the last page. A page with fewer jobs than requested need not be the last. */
  nextCursor: string | null;
}

/** What is stored of a request, so that its repetition is recognised. */
export interface Receipt {
  key: string;
  /** Names this one request. */
  token: string;
  /** A digest of the request: its repetition has the same one. */
  fingerprint: string;
  value: string;
  /** Milliseconds. */
  ttl: number;
}

/**
 * What is stored together with a write, in the same script. It is stored only if the write is made. A write with a receipt is
 * made once. It is refused where another request holds its key, or its repetition has written: the call then rejects with
 * `idempotency-key-in-progress`.
 */
export interface Alongside {
  receipt?: Receipt | undefined;
  /** An entry of the audit. The caller logs it. */
  audit?: AuditEntry | undefined;
}

/** Copy slots and calls of CopyImage for some destinations of a job. */
export interface SlotsRequest {
  /** The job as it was just read. The store reads it again only if it was written since. */
  job: Job;
  destinations: readonly { destination: string; scope: Scope; isTimeBased?: boolean }[];
  limits: StartLimits;
}

/** A {@link Change} that is given the destinations which get no slot or no call. */
export type SlotsChange = (job: Job, now: number, refused: ReadonlySet<string>) => Job | null;

/**
 * The records of all jobs: the truth that everything else (queue, events, indexes) follows. Each write is one atomic script
 * that checks the version, sets the record, appends the events and updates the indexes. Wake-ups of the steps that became due
 * follow it in the same round trip. Every method rejects with ioredis' errors while Redis is away.
 */
export interface JobStore {
  readonly polls: Polls;
  readonly copySlots: CopySlots;
  readonly changeQueues: ChangeQueues;
  readonly leases: Leases;

  /** Epoch milliseconds by Redis' clock, which all processes share. */
  now(): number;
  /** `exists`: there is a job of that id already, and it stays as it is. */
  create(job: Job, alongside?: Alongside): Promise<'created' | 'exists'>;
  get(id: string): Promise<Job | null>;
  list(filter: JobFilter): Promise<JobPage>;
  update(id: string, change: Change, alongside?: Alongside): Promise<UpdateOutcome>;
  /**
   * Like {@link update}, but it reserves a copy slot and a call of CopyImage for each destination. The change is given the
   * destinations that get none, and decides in the same write what becomes of them.
   */
  updateWithSlots(request: SlotsRequest, change: SlotsChange): Promise<UpdateOutcome>;

  /**
   * Jobs with a step that is due by a time (epoch milliseconds), according to their last write. `Infinity` gives all jobs that
   * are not done, including copies that just wait for EC2.
   */
  unfinished(dueBy: number): Promise<string[]>;
  /** Like {@link update}, but only if the change is the first in the wait queue of the image. It stays the first from then on. */
  updateIfFirst(ref: ChangeRef, scope: Scope, imageId: string, change: Change): Promise<UpdateOutcome>;
  /** Deletes jobs that finished longer ago than this; returns how many. */
  deleteFinishedBefore(time: number, limit: number): Promise<number>;
}
