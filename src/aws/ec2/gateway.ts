import type { Image, ImageState, Scope, Snapshot, Tags } from '../../domain/ami.ts';
import type { PermissionSet } from '../../domain/permissions.ts';

/** The parameters of CopyImage. The call is made in `scope`, the destination. */
export interface CopyImageParams {
  source: { imageId: string; region: string };
  name: string;
  description: string | null;
  /** At most 64 ASCII characters, saved before the call: EC2 answers the same token with the same image. */
  clientToken: string;
  /** Never `false`: EC2 can add encryption and never removes it. */
  encrypted: true | null;
  kmsKeyId: string | null;
  /** EC2 is to copy the source's tags to the image. `imageTags` then has none of their keys. */
  copyTags: boolean;
  /** Put on the image and on its snapshots within the call itself. */
  imageTags: Tags;
  snapshotTags: Tags;
  completionDurationMinutes: number | null;
}

/** A filter for images. A method reads all pages of EC2's answer and returns all images. */
export interface ImageFilter {
  imageIds?: readonly string[];
  tags?: Tags;
  names?: readonly string[];
  source?: { imageId: string; region: string };
  states?: readonly ImageState[];
  /** Only images that everyone may launch. */
  public?: true;
}

/** EC2's answer about images that are being made: images that it does not list are still pending. */
export interface EndedImages {
  /** Images that are no longer pending, whatever their state. */
  ended: Image[];
  /** Ids that EC2 doesn't know. */
  unknown: string[];
}

/** DeregisterImage and DeleteSnapshot are harmless for a resource that no longer exists. */
export type RemoveOutcome = 'removed' | 'gone';

export interface SnapshotPermissions {
  public: boolean;
  accounts: string[];
}

/**
 * Is called directly before a call is sent, after all waits of this process for the call, and before each further try that the SDK
 * makes by itself. It rejects when the call may no longer be made. The gateway passes the error of the first time on unchanged; after
 * a try it fails with an {@link AwsError} of kind `transient`, since that try may have had its effect.
 */
export type Fence = () => Promise<void>;

/**
 * The port to EC2: only the operations that this service uses, in its own types, always for a scope. Every method throws {@link
 * AwsError} (aws-error.ts) and nothing else. None retries beyond the SDK's own three attempts.
 */
export interface Ec2Gateway {
  /** The image, or `null` where it does not exist, is deregistered, or is not visible to this account. */
  describeImage(scope: Scope, imageId: string): Promise<Image | null>;

  /** The images that match, without unknown ids. An empty list of ids makes no call and returns nothing. */
  findImages(scope: Scope, filter: ImageFilter): Promise<Image[]>;

  /**
   * Which of these images have ended, and which EC2 does not know. One call covers up to 1,000 images, and its answer has only
   * the images that have ended. An empty list makes no call.
   */
  findEnded(scope: Scope, imageIds: readonly string[]): Promise<EndedImages>;

  /** Snapshots of this account with one of these values of a tag. An empty list returns nothing. */
  findSnapshots(scope: Scope, tag: string, values: readonly string[]): Promise<Snapshot[]>;

  /** Snapshots of this account that EC2 describes as copied for an image. */
  snapshotsCopiedFor(scope: Scope, imageId: string): Promise<Snapshot[]>;

  /** These snapshots of this account, without unknown ids. An empty list returns nothing. */
  describeSnapshots(scope: Scope, snapshotIds: readonly string[]): Promise<Snapshot[]>;

  /**
   * The account that owns each of these snapshots; `null` for one that this account may not see, or that does not exist. An
   * empty list makes no call.
   */
  snapshotOwners(scope: Scope, snapshotIds: readonly string[]): Promise<Map<string, string | null>>;

  /**
   * Starts a copy and returns the new image's id. Its state is `pending`, and EC2 may not find it yet.
   * @param paid the call was already taken from the call budget
   */
  copyImage(scope: Scope, params: CopyImageParams, paid?: boolean): Promise<string>;

  createTags(scope: Scope, resourceIds: readonly string[], tags: Tags): Promise<void>;

  /** Deregisters an image; on a pending copy this cancels it. Its snapshots stay: {@link deleteSnapshot}. */
  deregisterImage(scope: Scope, imageId: string): Promise<RemoveOutcome>;

  deleteSnapshot(scope: Scope, snapshotId: string): Promise<RemoveOutcome>;

  /** The principals that may launch an image of this account. */
  launchPermissions(scope: Scope, imageId: string): Promise<PermissionSet>;

  /** Adds and removes launch permissions in one call, which is atomic. */
  modifyLaunchPermissions(
    scope: Scope,
    imageId: string,
    add: PermissionSet,
    remove: PermissionSet,
    fence?: Fence,
  ): Promise<void>;

  /** The principals that may make volumes of a snapshot, and so copy its image. Only accounts and `all` can be named. */
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

  /** Checks that the credentials work, with the cheapest call there is. Throws when they do not. */
  checkCredentials(scope: Scope): Promise<void>;

  /** Closes the clients' sockets. */
  close(): void;
}
