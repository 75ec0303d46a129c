import type { Scope } from '../domain/ami.ts';
import type { AuditEntry } from '../domain/audit.ts';
import type { CallLimit } from '../aws/ec2/call-limits.ts';
import type { Job, JobKind, JobState } from '../domain/job.ts';
import type { JobEvent } from '../domain/job-events.ts';

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

/** A pending copy as its region's tracking sees it, without reading the job's record. */
export interface PendingCopy {
  imageId: string;
  jobId: string;
  destination: string;
  /** When CopyImage was called, epoch milliseconds. */
  startedAt: number;
  progress: number;
  /** When EC2 will be done with it, if it goes on as it did; `null` while nothing tells. */
  expectedAt: number | null;
  /** Which attempt of the destination it is. */
  attempt: number;
  /** Of how many snapshots its record already has what only they tell: their key, and that they have their tags. */
  known: number;
  /** The last polls did not find it, or had no credentials. */
  doubtful?: boolean;
}

/** A poll of a scope's copies, as it began: what it may be postponed by. */
export interface Poll {
  pending: PendingCopy[];
  /** When the scope was due again, should nothing come of the poll. */
  due: number;
}

/** What became of images that EC2 reported. */
export interface EventHints {
  /** Those whose copies are under way in the scope. */
  known: string[];
  /** Names the poll that will take them: all that add to the same poll before it begins get the same name. */
  poll: string;
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

/** Names one destination of one job. */
export interface DestinationRef {
  jobId: string;
  destination: string;
}

/** What a scope has for copies: how many at once, and calls of CopyImage. */
export interface StartLimits {
  copySlots: number;
  calls: CallLimit;
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

/** Names a change of permissions: a job of that kind, or the sharing of one copy. */
export interface ChangeRef {
  jobId: string;
  /** `null` for a job of kind `permissions`. */
  destination: string | null;
}

/**
 * The records of all jobs: the truth that everything else (queue, events, indexes) follows. Each write is one atomic
 * script that checks the version, sets the record, appends the events and keeps the indexes; wake-ups of what became due
 * follow it in the same round trip. Every method rejects with ioredis' errors while Redis is away.
 */
export interface JobStore {
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
  /** Copies that EC2 works on in a scope. */
  pending(scope: Scope): Promise<PendingCopy[]>;
  /** EC2 has reported images of a scope: those that are pending there are kept for {@link takeEventHints}. */
  keepEventHints(scope: Scope, imageIds: readonly string[]): Promise<EventHints>;
  /** The copies that EC2 has reported since this was last asked and that are still pending; `null` if it told of none. */
  takeEventHints(scope: Scope): Promise<PendingCopy[] | null>;
  /** Which of these are still pending. */
  stillPending(scope: Scope, imageIds: readonly string[]): Promise<string[]>;
  /** What a poll begins with. */
  beginPoll(scope: Scope): Promise<Poll>;
  /**
   * Postpones the next poll of a scope until then, epoch milliseconds: unless an earlier one was asked for since
   * `due`, others are pending there than these many, or copies wait for their slots.
   */
  postponePoll(scope: Scope, time: number, due: number, pending: number): Promise<void>;
  /** A scope that is tracked is polled by then, epoch milliseconds, if not earlier. */
  pollBy(scope: Scope, time: number): Promise<void>;
  /** Scopes in which copies wait for slots. */
  scopesWithWaiting(): Promise<Scope[]>;
  /** The next of those that wait in a scope, in order: as many as there are both free slots and calls. */
  nextWaiting(scope: Scope, limits: StartLimits): Promise<DestinationRef[]>;
  /** Which is the first to change an image's permissions. */
  firstChange(scope: Scope, imageId: string): Promise<ChangeRef | null>;
  /** The changes of an image that were accepted before a withdrawal and have not ended. */
  changesBefore(scope: Scope, imageId: string, withdrawal: ChangeRef): Promise<ChangeRef[]>;
  /** As {@link update}, but only if the change is the first in the wait queue of the image, and so from then on. */
  updateIfFirst(ref: ChangeRef, scope: Scope, imageId: string, change: Change): Promise<UpdateOutcome>;
  /**
   * EC2 gave up a copy that it had accepted, for lack of room: for an hour no more copies are made there at once than are
   * left, or than `told`, where EC2 told its limit and it is less.
   */
  learnLimit(scope: Scope, told: number | null): Promise<void>;
  /** EC2 says that the scope is full, at least for one kind of copies: those get no slot for so long, unless one is freed. */
  markFull(scope: Scope, milliseconds: number, which?: 'all' | 'time-based'): Promise<void>;
  /**
   * Whether a recurring step is the caller's to do: that of the first who asks in every so many milliseconds, by Redis'
   * clock. A worker that dies in it holds up no other.
   */
  takeLease(step: string, every: number): Promise<boolean>;
  /** Scopes whose tracking is due, and from then on due again after `interval` milliseconds, unless {@link postponePoll}. */
  takeDueScopes(interval: number): Promise<Scope[]>;
  /** Drops a scope with nothing pending and nothing waiting from the tracking. */
  dropIdleScope(scope: Scope): Promise<void>;
  /** Deletes jobs that finished longer ago than this; returns how many. */
  deleteFinishedBefore(time: number, limit: number): Promise<number>;
}
