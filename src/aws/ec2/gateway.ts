import type { Image, ImageState, Scope, Snapshot, Tags } from '../../domain/ami.ts';
import type { PermissionSet } from '../../domain/permissions.ts';

/** Everything that CopyImage is given. The call is made in `scope`, the destination. */
export interface CopyImageParams {
  source: { imageId: string; region: string };
  name: string;
  description: string | null;
  /** At most 64 ASCII characters, saved before the call: EC2 answers the same token with the same image. */
  clientToken: string;
  /** Never `false`: EC2 can add encryption and never removes it. */
  encrypted: true | null;
  kmsKeyId: string | null;
  /** EC2 is to copy the source's tags to the image: none of them is one of `imageTags` then. */
  copyTags: boolean;
  /** Put on the image and on its snapshots within the call itself. */
  imageTags: Tags;
  snapshotTags: Tags;
  completionDurationMinutes: number | null;
}

/** One page of EC2's answers is turned; a method returns all of them. */
export interface ImageFilter {
  imageIds?: readonly string[];
  tags?: Tags;
  names?: readonly string[];
  source?: { imageId: string; region: string };
  states?: readonly ImageState[];
  /** Only those that everyone may launch. */
  public?: true;
}

/** What EC2 says of images that are being made: the others are still pending. */
export interface EndedImages {
  /** Those that are no longer pending, whichever way. */
  ended: Image[];
  /** Ids that EC2 doesn't know. */
  unknown: string[];
}

/** DeregisterImage and DeleteSnapshot are harmless for what is gone already. */
export type RemoveOutcome = 'removed' | 'gone';

export interface SnapshotPermissions {
  public: boolean;
  accounts: string[];
}

/**
 * Asked directly before a call is sent, when all that could hold it up here has been waited for. It rejects when the call
 * may no longer be made, and what it rejects with is passed on as it is.
 */
export type Fence = () => Promise<void>;

/**
 * The port to EC2: just the operations that this service uses, in its own types, always for a scope. Every method
 * throws {@link AwsError} (aws-error.ts) and nothing else; none retries beyond the SDK's own three attempts.
 */
export interface Ec2Gateway {
  /** The image, or `null` where it doesn't exist, is deregistered, or isn't visible to this account. */
  describeImage(scope: Scope, imageId: string): Promise<Image | null>;

  /** The images that match, unknown ids left out. An empty list of ids asks nothing and gives nothing. */
  findImages(scope: Scope, filter: ImageFilter): Promise<Image[]>;

  /**
   * Which of these images have ended, and which EC2 doesn't know: with up to 1,000 of them a call, and an answer as short as
   * what has happened. An empty list asks nothing.
   */
  findEnded(scope: Scope, imageIds: readonly string[]): Promise<EndedImages>;

  /** Snapshots of this account with one of these values of a tag. An empty list gives nothing. */
  findSnapshots(scope: Scope, tag: string, values: readonly string[]): Promise<Snapshot[]>;

  /** Snapshots of this account that EC2 describes as copied for an image. */
  snapshotsCopiedFor(scope: Scope, imageId: string): Promise<Snapshot[]>;

  /** These snapshots of this account, unknown ids left out. An empty list gives nothing. */
  describeSnapshots(scope: Scope, snapshotIds: readonly string[]): Promise<Snapshot[]>;

  /**
   * The account that owns each of these snapshots; `null` for one that this account may not see, or that is not there. An
   * empty list asks nothing.
   */
  snapshotOwners(scope: Scope, snapshotIds: readonly string[]): Promise<Map<string, string | null>>;

  /**
   * Starts a copy and gives the new image's id. Its state is `pending`, and describing it may not find it yet.
   * @param paid the call was taken off what may be called already
   */
  copyImage(scope: Scope, params: CopyImageParams, paid?: boolean): Promise<string>;

  createTags(scope: Scope, resourceIds: readonly string[], tags: Tags): Promise<void>;

  /** Deregisters an image; on a pending copy this cancels it. Its snapshots stay: {@link deleteSnapshot}. */
  deregisterImage(scope: Scope, imageId: string): Promise<RemoveOutcome>;

  deleteSnapshot(scope: Scope, snapshotId: string): Promise<RemoveOutcome>;

  /** Who may launch an image of this account. */
  launchPermissions(scope: Scope, imageId: string): Promise<PermissionSet>;

  /** Adds and removes launch permissions in one call: all of it happens, or nothing does. */
  modifyLaunchPermissions(
    scope: Scope,
    imageId: string,
    add: PermissionSet,
    remove: PermissionSet,
    fence?: Fence,
  ): Promise<void>;

  /** Who may make volumes of a snapshot, and so copy what it backs. Only accounts and everybody can be named. */
  snapshotPermissions(scope: Scope, snapshotId: string): Promise<SnapshotPermissions>;

  /** One call can add or remove, not both, and name at most 500 accounts. */
  modifySnapshotPermissions(
    scope: Scope,
    snapshotId: string,
    operation: 'add' | 'remove',
    permissions: SnapshotPermissions,
    fence?: Fence,
  ): Promise<void>;

  /** Whether the account blocks public sharing of AMIs in the region. */
  blockPublicAccess(scope: Scope): Promise<boolean>;

  /** Whether the account encrypts every new volume and snapshot in the region. */
  encryptionByDefault(scope: Scope): Promise<boolean>;

  /** The key that encryption by default uses there: `alias/aws/ebs` or a key's ARN (GetEbsDefaultKmsKeyId). */
  defaultKey(scope: Scope): Promise<string>;

  /** Names of the regions that the account has not enabled (DescribeRegions, opt-in-status `not-opted-in`). */
  disabledRegions(scope: Scope): Promise<string[]>;

  /** Whether the credentials work at all: the cheapest call there is. Throws when they don't. */
  checkCredentials(scope: Scope): Promise<void>;

  /** Closes the clients' sockets. */
  close(): void;
}
