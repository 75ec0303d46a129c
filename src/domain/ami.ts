/** What the service knows of an AMI, and EC2's rules for names. Sizes are in GiB or bytes, as each name says. */

/** `ami-` and 8 (before 2016) or 17 hex digits. */
export const IMAGE_ID_PATTERN = '^ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$';

/** CopyImage, Name: 3–128 characters out of letters, digits, space and ( ) [ ] . / - ' @ _ */
export const IMAGE_NAME_PATTERN = "^[a-zA-Z0-9 ()\\[\\]./\\-'@_]{3,128}$";
export const IMAGE_NAME_RULE =
  "must be 3 to 128 characters: letters, digits, spaces and ( ) [ ] . / - ' @ _ (EC2's rule for Name)";

/** EC2's states of an image. */
export const IMAGE_STATES = [
  'pending',
  'available',
  'invalid',
  'deregistered',
  'transient',
  'failed',
  'error',
  'disabled',
] as const;
export type ImageState = (typeof IMAGE_STATES)[number];

export type Tags = Record<string, string>;

/** Where an image lives: an account (12 digits) and a region. */
export interface Scope {
  account: string;
  region: string;
}

/** Names an image: by account, region and id. */
export interface ImageName extends Scope {
  imageId: string;
}

/** The accounts of some scopes besides `own`, each once. */
export function accountsBesides(own: string, scopes: readonly Pick<Scope, 'account'>[]): string[] {
  return [...new Set(scopes.map(({ account }) => account))].filter((account) => account !== own);
}

/** A scope as one word, `account/region`: for Redis keys, queue job ids and log lines. */
export function scopeKey(scope: Scope): string {
  return `${scope.account}/${scope.region}`;
}

/** The reverse of {@link scopeKey}. */
export function parseScope(key: string): Scope {
  const slash = key.indexOf('/');
  return { account: key.slice(0, slash), region: key.slice(slash + 1) };
}

/** One block device that is backed by a snapshot. `snapshotId` may be absent while a copy is pending. */
export interface ImageSnapshot {
  deviceName: string;
  snapshotId: string | null;
  sizeGiB: number | null;
  encrypted: boolean;
}

export interface Image {
  imageId: string;
  /** The account that described the image. It may not own it. */
  account: string;
  region: string;
  ownerId: string;
  name: string;
  description: string | null;
  state: ImageState;
  /** EC2's StateReason.Message: why a failed image failed. */
  stateReason: string | null;
  public: boolean;
  architecture: string | null;
  createdAt: string | null;
  /** When it is or was deprecated, ISO 8601; `null`: never. */
  deprecationTime: string | null;
  /** SourceImageId and SourceImageRegion, where EC2 gives them. */
  source: { imageId: string; region: string } | null;
  snapshots: ImageSnapshot[];
  /** Its root device is on EBS: it has at least one snapshot, even if EC2 does not name it yet. */
  ebsBacked?: boolean;
  productCodes: string[];
  tags: Tags;
}

/** The part of a snapshot that the progress of a copy is computed from. `progress` in percent. */
export interface Snapshot {
  snapshotId: string;
  /** The account that owns it, where EC2 says so. */
  ownerId?: string | undefined;
  state: string;
  /** EC2's StateMessage. It says more about a failed copy than the image's StateReason does. */
  stateMessage: string | null;
  progress: number;
  sizeGiB: number;
  encrypted: boolean;
  kmsKeyId: string | null;
  description: string | null;
  tags: Tags;
}

/** The form of EC2's description of a snapshot that CopyImage makes. */
const DESTINATION_AMI = /for DestinationAmi (ami-[0-9a-f]+) /;

/** The image for which EC2 copied a snapshot; `undefined` where its description names none. */
export function destinationAmi({ description }: Pick<Snapshot, 'description'>): string | undefined {
  return DESTINATION_AMI.exec(description ?? '')?.[1];
}

/** A filter on the description (DescribeSnapshots, with EC2's wildcards) that finds the snapshots of {@link destinationAmi}. */
export function destinationAmiFilter(imageId: string): string {
  return `*for DestinationAmi ${imageId} *`;
}

/** Any encrypted snapshot makes an image an encrypted one. */
export function isEncrypted(image: Image): boolean {
  return image.snapshots.some((snapshot) => snapshot.encrypted);
}

/** The ids of all snapshots that back some images, as far as EC2 names them yet. */
export function snapshotIdsOf(images: readonly Image[]): string[] {
  return images
    .flatMap(({ snapshots }) => snapshots.map((one) => one.snapshotId))
    .filter((id) => id !== null);
}
