import type { AwsDetail, ErrorCode } from '../errors.ts';
import type { ImageName, ImageState, Scope, Tags } from './ami.ts';
import { scopeKey } from './ami.ts';
import type { Given } from './given.ts';
import type { KeyPolicyStatement } from './key-policy.ts';
import type { PermissionChange, PermissionRequest, PermissionState } from './permissions.ts';

/**
 * The record of one job, exactly as Redis keeps it. Times are epoch milliseconds of the shared clock.
 * A destination goes queued → (waiting for a copy slot) → pending (EC2 copies) → available (being finished)
 * → succeeded | failed | cancelled; transitions.ts has the only functions that change its state.
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

/** Why something failed: this service's code, a message that says what to do, and EC2's code and request id. */
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
  /** The key of the destination whose image is copied, in place of the source of the job: see hubs.ts. */
  hub?: string;
  /** The job added this destination as a hub: the request did not name it. */
  isAddedHub?: true;
}

/** Why a destination is being taken down: its caller cancelled it, another destination failed, or all that were to be copied from it have ended. */
export type StopReason = 'cancel' | 'rollback' | 'hub-done';

/** Consecutive polls that did not find an image. `since`: when the first of them was made. */
export interface Unseen {
  since: number;
  polls: number;
}

/** An image that an attempt made and that is not its destination's image. It is removed, with its own snapshots. */
export interface Leftover {
  imageId: string;
  /** The attempt that made it. */
  attempt: number;
  /** When its removal became due. */
  since: number;
  /** EC2 has accepted its deregistration; its snapshots may still exist. */
  isDeregistered?: boolean;
  unseen?: Unseen | null;
  /** The same as for a destination. */
  heldUpAt?: number;
  /** It could not be removed, and a warning says so. It stays in the record, and a retry of the job tries again. */
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
  /** When a poll last saw its progress change. */
  etaSeconds: number | null;
  /** When EC2 is expected to finish it at its progress so far; `null` while that is unknown. */
  expectedAt: number | null;
  /** As read from the copy; `null` while it is unknown. */
  encrypted: boolean | null;
  kmsKeyId: string | null;
  /** The copy's permissions before it was first shared as requested; `null` before that. */
  sharedFrom: PermissionState | null;
  /** What its sharing gave, which is taken back if the sharing fails; `null` until it gives something. */
  given: Given | null;
  /** The later change of permissions that supersedes its sharing: the destination ends without being shared. */
  supersededBy: string | null;
  /** Set while anything that EC2 may have made is still to be removed. The state changes when that is done. */
  stopping: StopReason | null;
  /** When the removal began: its deadline counts from here. */
  stoppingAt: number | null;
  /** When finishing the available copy began. It is later than `availableAt` where a retry resumed the copy. */
  finishingSince: number | null;
  /** When the account began to refuse the service's credentials; `null` again once a call succeeds. */
  unreachableSince: number | null;
  /** When EC2 last throttled its removal or finishing, or accepted the credentials again. Deadlines for other errors count from then. */
  heldUpAt: number | null;
  /** When a retry queued it, or when EC2 gave up the attempt before for lack of room. */
  retriedAt: number | null;
  /** How many attempts EC2 accepted and then gave up for lack of room. Callers do not see them as attempts. */
  withoutRoom: number;
  /** When EC2 first gave one up so. */
  withoutRoomSince: number | null;
  /** Of a destination with a hub: the images of the hub that its attempts were started with, the latest last. */
  sources?: string[];
  /** Consecutive polls that did not find its image. */
  unseen: Unseen | null;
  /** Images that its attempts made and that are not its image: they are still to be removed. */
  leftovers: Leftover[];
  /** While pending: its snapshots that a poll saw with the requested tags. */
  tagged: string[];
  /** Images and snapshots that were made without the requested tags and still lack them. */
  untagged: string[];
  error: Failure | null;
  /** CopyImage may have been called more than once for this attempt. A refusal of one call then does not prove that there is no image. */
  calledAgain: boolean;
  /** An image of this attempt is a leftover, or was one. The ClientToken of the attempt would give that image again. */
  tokenSpent: boolean;
  /** When the intent to call CopyImage was saved. The call may have been made at any time after that. */
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
  'source-still-shared',
  'held-for-copies',
  'group-list-old',
  'changed-meanwhile',
  'superseded',
  'no-worker',
] as const;

/** Something that the reader of a job should know, and that did not stop the job. */
export interface Warning extends Scope {
  code: (typeof WARNING_CODES)[number];
  message: string;
  /** With `key-policy-needed`: the statements that the key's owner has to add to the key policy. */
  statements?: KeyPolicyStatement[];
}

/** With the image owner's own account among the accounts to share with. */
export function ownerLeftOut(owner: string | null, { account, region }: Scope): Warning {
  const message = `account ${owner} owns the image, and may launch and copy it without being named: it is not among those that the image is shared with`;
  return { code: 'owner-left-out', message, account, region };
}

interface JobBase {
  id: string;
  /** Raised by one with each write; a write that is based on an older version is refused. */
  version: number;
  image: { id: string; account: string; region: string; name: string };
  warnings: Warning[];
  /** URLs that are notified when the job or a destination has finished. */
  notify: string[];
  /** The URLs of {@link notify} that had secrets of their own: messages to them are never signed with another secret. */
  ownSecrets: string[];
  /** The number of its latest webhook delivery, from 1; 0 before the first. The deliveries have keys of their own. */
  deliveriesMade: number;
  requestedBy: string;
  /** From the request that made the job: its X-Request-Id, for the log, and its trace (W3C traceparent), where there is one. */
  requestId: string | null;
  traceparent: string | null;
  createdAt: number;
  updatedAt: number;
  finishedAt: number | null;
}

/** The access to an image that copies into one other account need: see holds.ts. */
export interface Hold {
  account: string;
  source: ImageName;
  state: 'due' | 'held' | 'released';
  /** The tries that failed, to give the access or to take it back; `null` before the first. */
  tries: HoldTries | null;
}

export interface HoldTries {
  to: 'give' | 'release';
  /** When the first of them failed. */
  since: number;
  /** When one was last held up by throttling or credentials. */
  heldUpAt: number | null;
  /** While EC2 does not show the image. */
  unseen: Unseen | null;
}

export interface CopyJob extends JobBase {
  kind: 'copy';
  onFailure: 'keep' | 'deregister';
  destinations: Destination[];
  /** Permissions that each copy gets once it is available; `null` leaves the copies private. */
  permissions: PermissionRequest | null;
  /** The source's tags, where the CopyImage calls have to send them ({@link tagsToSend} in copy-tags.ts). */
  sourceTags?: Tags;
  /** Where copies are made in other accounts than the source's. */
  holds?: Hold[];
  /** What becomes of hubs that were not asked for themselves; default `keep`. */
  hubCopies?: 'keep' | 'remove';
}

/** A change of who may launch one image. */
export interface PermissionsJob extends JobBase {
  kind: 'permissions';
  state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  change: PermissionChange;
  /**
   * Whether it may make the image public: its caller, or the principal that retried it, has the scope. Without it a public
   * image may only stay public.
   */
  mayPublish: boolean;
  /** What it gave, or was about to give. It is taken back if the change does not succeed. */
  given: Given | null;
  /** The same as for a destination. */
  unreachableSince: number | null;
  heldUpAt: number | null;
  /** Consecutive polls that did not find its image. */
  unseen: Unseen | null;
  /** While it runs: why it has to take back what it gave, and end. */
  stopping: Failure | 'cancel' | null;
  /** As read before the first change and after the last one; `null` until then. */
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

/** Names a destination within its job: its scope, `account/region`. The payload of a queue job carries it. */
export function destinationKey(destination: Destination): string {
  return scopeKey(destinationScope(destination));
}

/** One attempt at one destination of a job. A transition is decided on one. */
export interface AttemptRef {
  destination: string;
  attempt: number;
}

/** The image of one attempt. */
export interface ImageRef extends AttemptRef {
  imageId: string;
}

export type CopyRef = AttemptRef | ImageRef;

/** The current attempt of a destination. */
export function attemptRef(destination: Destination): AttemptRef {
  return { destination: destinationKey(destination), attempt: destination.attempts };
}

/** The current attempt of a destination, with its image where it has one. */
export function copyRef(destination: Destination): CopyRef {
  const { imageId } = destination;
  return imageId === null ? attemptRef(destination) : { ...attemptRef(destination), imageId };
}

/** Whether the record still has the attempt (and image) that a decision was based on. */
export function isAbout(ref: CopyRef, { attempts, imageId }: Destination): boolean {
  if (ref.attempt !== attempts) return false;
  return !('imageId' in ref) || ref.imageId === imageId;
}

/** Where a destination's copy is made. */
export function destinationScope(destination: Destination): Scope {
  const { account, region } = destination.spec;
  return { account, region };
}

/** The scope of the image that the job is about. */
export function imageScope(job: Job): Scope {
  const { account, region } = job.image;
  return { account, region };
}

export function findDestination(job: CopyJob, key: string): Destination | undefined {
  return job.destinations.find((destination) => destinationKey(destination) === key);
}

/** Whether EC2 has to complete the copy within a given time (time-based copy). EC2 limits the throughput of such copies separately. */
export function isTimeBased({ spec }: Destination): boolean {
  return spec.completionDurationMinutes !== null;
}

/** The number of the attempt that callers see, from 1. Attempts for which EC2 had no room do not count. */
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

/** CopyImage has not answered yet: the destination is queued, or waits for a slot. */
export function isNotCopying(destination: Destination): boolean {
  return destination.stopping === null && (destination.state === 'queued' || destination.state === 'waiting');
}

/** The state of a copy. It is computed from its destinations' states and is not stored. */
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

/** Percent. All destinations of a copy job copy the same snapshots, so each has the same weight. */
export function jobProgress(job: Job): number {
  if (job.kind === 'permissions') return job.state === 'succeeded' ? 100 : 0;
  const total = job.destinations.reduce((sum, one) => sum + one.progress, 0);
  return Math.floor(total / job.destinations.length);
}
