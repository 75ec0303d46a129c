import type { AwsDetail, ErrorCode } from '../errors.ts';
import type { ImageState, Scope, Tags } from './ami.ts';
import { scopeKey } from './ami.ts';
import type { Delivery } from './delivery.ts';
import type { Given } from './given.ts';
import type { KeyPolicyStatement } from './key-policy.ts';
import type { PermissionChange, PermissionRequest, PermissionState } from './permissions.ts';

/**
 * The record of one job, exactly as Redis keeps it. Times are epoch milliseconds of the shared clock.
 * A destination goes queued → (waiting for a copy slot) → pending (EC2 copies) → available (being finished)
 * → succeeded | failed | cancelled; transitions.ts holds the only functions that transition it.
 */
export const DESTINATION_STATES = [
  'queued',
  'waiting',
  'pending',
  'available',
  'succeeded',
  'failed',
  'cancelled',
] as const;
export type DestinationState = (typeof DESTINATION_STATES)[number];

export const JOB_STATES = ['queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** Why something failed: our code, a message that says what to do, and EC2's own words. */
export interface Failure extends AwsDetail {
  code: ErrorCode;
  message: string;
  retryable: boolean;
}

/** What was asked of one destination, frozen when the request was accepted. */
export interface CopySpec {
  account: string;
  region: string;
  name: string;
  description: string | null;
  copyTags: boolean;
  /** The caller's own tags, put on the image and its snapshots. */
  tags: Tags;
  /** `true` asks EC2 to encrypt; `null` leaves it to the source and the region's default. Never `false`. */
  encrypted: true | null;
  kmsKeyId: string | null;
  completionDurationMinutes: number | null;
}

/** Why a destination is being taken down: by its caller, or since another destination failed. */
export type StopReason = 'cancel' | 'rollback';

/** Looks in a row that did not find an image. `since`: the first of them. */
export interface Unseen {
  since: number;
  polls: number;
}

/** An image that an attempt made and that no record holds any more: it is removed, with its own snapshots. */
export interface Leftover {
  imageId: string;
  /** Which attempt made it. */
  attempt: number;
  /** Since when it is to be removed. */
  since: number;
  /** EC2 has taken its deregistration; its snapshots may still be there. */
  isDeregistered?: boolean;
  unseen?: Unseen | null;
  /** As of a destination. */
  heldUpAt?: number;
  /** It could not be removed, and a warning says so: it is kept in mind until a retry, which tries again. */
  isGivenUp?: boolean;
}

export interface Destination {
  spec: CopySpec;
  state: DestinationState;
  /** Which attempt this is, from 1. With the job and destination it makes the ClientToken. */
  attempts: number;
  imageId: string | null;
  imageState: ImageState | null;
  /** Percent. */
  progress: number;
  /** As of when its progress was last seen to change. */
  etaSeconds: number | null;
  /** When EC2 will be done with it, if its progress stays the same; `null` until that is known. */
  expectedAt: number | null;
  /** As read from the copy; `null` until it is known. */
  encrypted: boolean | null;
  kmsKeyId: string | null;
  /** The copy's permissions before it was first shared as asked; `null` until that begins. */
  sharedFrom: PermissionState | null;
  /** What its sharing gave, to be taken back if it fails; `null` until it gives anything. */
  given: Given | null;
  /** The later change of permissions that its sharing must not undo: it ends without sharing. */
  supersededBy: string | null;
  /** Set while what EC2 may have made is still to be removed; the state follows when that is done. */
  stopping: StopReason | null;
  /** When that began: the deadline of the removal counts from here. */
  stoppingAt: number | null;
  /** Since when the available copy is being finished: later than `availableAt` where a retry resumed it. */
  finishingSince: number | null;
  /** Since when the account has not taken the service's credentials, until a call gets through again. */
  unreachableSince: number | null;
  /** When EC2 last throttled its removal or finishing, or took the credentials again: deadlines for other errors count from then. */
  heldUpAt: number | null;
  /** When a retry queued it, or EC2 gave up the attempt before for lack of room. */
  retriedAt: number | null;
  /** How many attempts EC2 accepted and gave up for lack of room: none of them counts as an attempt for callers. */
  withoutRoom: number;
  /** When EC2 did so first. */
  withoutRoomSince: number | null;
  /** The polls in a row that did not find its image. */
  unseen: Unseen | null;
  /** Images of this destination that are not its record's and are still to be removed. */
  leftovers: Leftover[];
  /** While pending: its snapshots that were seen with the tags asked for. */
  tagged: string[];
  /** Images and snapshots that came without the tags asked for, until they have them. */
  untagged: string[];
  error: Failure | null;
  /** CopyImage may have been called more than once for this attempt: the refusal of one call does not say that there is no image. */
  calledAgain: boolean;
  /** An image of this very attempt is, or was, to be removed: its ClientToken gives that image again. */
  tokenSpent: boolean;
  /** When the intent to call CopyImage was saved: from then on the call may have been made. */
  startedAt: number | null;
  availableAt: number | null;
  finishedAt: number | null;
}

export const WARNING_CODES = [
  'key-not-checked',
  'key-policy-needed',
  'auto-scaling-grant-needed',
  'encryption-not-checked',
  'tags-not-copied',
  'name-taken',
  'name-not-checked',
  'organizations-cannot-copy',
  'owner-left-out',
  'image-not-removed',
  'key-grants-left',
  'changed-meanwhile',
  'superseded',
  'no-worker',
] as const;

/** Something that a job's reader should know and that stopped nothing. */
export interface Warning {
  code: (typeof WARNING_CODES)[number];
  message: string;
  region: string;
  /** With `key-policy-needed`: what the key's owner has to add to its policy. */
  statements?: KeyPolicyStatement[];
}

/** Of an owner's own account among those that its image is shared with. */
export function ownerLeftOut(owner: string | null, region: string): Warning {
  const message = `account ${owner} owns the image, and may launch and copy it without being named: it is not among those that the image is shared with`;
  return { code: 'owner-left-out', message, region };
}

interface JobBase {
  id: string;
  /** Raised by one at each write; a write against an older version is refused. */
  version: number;
  image: { id: string; account: string; region: string; name: string };
  warnings: Warning[];
  /** URLs that are told when it or a destination has finished. */
  notify: string[];
  /** Those of {@link notify} that had secrets of their own: they are never signed with others. */
  ownSecrets: string[];
  deliveries: Delivery[];
  requestedBy: string;
  /** Of the request that made the job: its X-Request-Id, for the log, and its trace (W3C traceparent), where there is one. */
  requestId: string | null;
  traceparent: string | null;
  createdAt: number;
  updatedAt: number;
  finishedAt: number | null;
}

export interface CopyJob extends JobBase {
  kind: 'copy';
  onFailure: 'keep' | 'deregister';
  destinations: Destination[];
  /** Given to each copy once it is available; `null` leaves them private. */
  permissions: PermissionRequest | null;
  /** The source's tags, where the copies have to send them themselves ({@link tagsToSend} in copy-tags.ts). */
  sourceTags?: Tags;
}

/** A change of who may launch one image. */
export interface PermissionsJob extends JobBase {
  kind: 'permissions';
  state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  change: PermissionChange;
  /** Whether it may make the image public: its caller, or who retried it, has the scope. Else only what is public stays so. */
  mayPublish: boolean;
  /** What it gave, or was about to give, to be taken back should it not succeed. */
  given: Given | null;
  /** As of a destination. */
  unreachableSince: number | null;
  heldUpAt: number | null;
  /** The polls in a row that did not find its image. */
  unseen: Unseen | null;
  /** While it runs: why it is to take back what it gave, and end. */
  stopping: Failure | 'cancel' | null;
  /** As read before the first change, and after the last one; `null` until then. */
  before: PermissionState | null;
  after: PermissionState | null;
  error: Failure | null;
  /** Which attempt this is, from 1. */
  attempts: number;
  /** When its first try began, or failed: its deadlines count from here. */
  startedAt: number | null;
}

export type Job = CopyJob | PermissionsJob;
export const JOB_KINDS = ['copy', 'permissions'] as const;
export type JobKind = Job['kind'];

/** Names a destination within its job: its scope, `account/region`. It is also what a queue job carries. */
export function destinationKey(destination: Destination): string {
  return scopeKey(destinationScope(destination));
}

/** One attempt at one destination of a job: what a decision was made on. */
export interface AttemptRef {
  destination: string;
  attempt: number;
}

/** The image of one attempt. */
export interface ImageRef extends AttemptRef {
  imageId: string;
}

export type CopyRef = AttemptRef | ImageRef;

/** The attempt that a destination is at. */
export function attemptRef(destination: Destination): AttemptRef {
  return { destination: destinationKey(destination), attempt: destination.attempts };
}

/** The attempt that a destination is at, with its image where it has one. */
export function copyRef(destination: Destination): CopyRef {
  const { imageId } = destination;
  return imageId === null ? attemptRef(destination) : { ...attemptRef(destination), imageId };
}

/** Whether a record still is what a decision was made on. */
export function isAbout(ref: CopyRef, { attempts, imageId }: Destination): boolean {
  if (ref.attempt !== attempts) return false;
  return !('imageId' in ref) || ref.imageId === imageId;
}

/** Where a destination's copy is made. */
export function destinationScope(destination: Destination): Scope {
  const { account, region } = destination.spec;
  return { account, region };
}

/** Where the image lives that the job is about. */
export function imageScope(job: Job): Scope {
  const { account, region } = job.image;
  return { account, region };
}

export function findDestination(job: CopyJob, key: string): Destination | undefined {
  return job.destinations.find((destination) => destinationKey(destination) === key);
}

/** Whether EC2 is to be done with it by a time: it has a limit of its own for such copies (throughput). */
export function isTimeBased({ spec }: Destination): boolean {
  return spec.completionDurationMinutes !== null;
}

/** Which attempt it is for callers, from 1: those for which EC2 had no room do not count. */
export function countedAttempts({ attempts, withoutRoom }: Destination): number {
  return attempts - withoutRoom;
}

/** What a destination still has to remove besides its image. */
export function leftoversOf({ leftovers }: Destination): Leftover[] {
  return leftovers.filter(({ isGivenUp }) => isGivenUp !== true);
}

const FINISHED: ReadonlySet<DestinationState> = new Set(['succeeded', 'failed', 'cancelled']);

/** A finished destination has nothing left to do: a stopping one still has its copy to remove. */
export function isFinished(destination: Destination): boolean {
  return FINISHED.has(destination.state) && destination.stopping === null;
}

/** CopyImage has not answered yet: in the queue, or waiting for a slot. */
export function isNotCopying(destination: Destination): boolean {
  return destination.stopping === null && (destination.state === 'queued' || destination.state === 'waiting');
}

/** The state of a copy follows from its destinations' and is stored nowhere. */
export function jobState(job: Job): JobState {
  return job.kind === 'copy' ? copyState(job) : job.state;
}

function copyState({ destinations }: CopyJob): JobState {
  if (!destinations.every(isFinished)) {
    const untouched = destinations.every((one) => one.state === 'queued' && one.startedAt === null);
    return untouched ? 'queued' : 'running';
  }
  const all = (state: DestinationState) => destinations.every((one) => one.state === state);
  if (all('succeeded')) return 'succeeded';
  if (destinations.some((one) => one.state === 'succeeded')) return 'partial';
  return destinations.some((one) => one.state === 'failed') ? 'failed' : 'cancelled';
}

/** Percent. A copy's destinations all copy the same snapshots, so each weighs the same. */
export function jobProgress(job: Job): number {
  if (job.kind === 'permissions') return job.state === 'succeeded' ? 100 : 0;
  const total = job.destinations.reduce((sum, one) => sum + one.progress, 0);
  return Math.floor(total / job.destinations.length);
}
