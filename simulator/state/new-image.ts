import { Type, type Static } from 'typebox';
import { newId } from '../ids.ts';
import type { Device, Image, ImageState } from './image.ts';
import { awsManagedAlias } from './keys.ts';
import { changed, everyone, type PermissionSet } from './permissions.ts';
import type { Snapshot } from './snapshot.ts';
import type { World } from './world.ts';

const states: ImageState[] = ['pending', 'available', 'invalid', 'transient', 'failed', 'error', 'disabled'];
/** The states that a test can set; a deregistered image is removed instead. */
export const StateSchema = Type.Unsafe<ImageState>(Type.Union(states.map((state) => Type.Literal(state))));

const Account = Type.String({ pattern: '^\\d{12}$' });

const SnapshotSchema = Type.Object(
  {
    snapshotId: Type.Optional(Type.String({ pattern: '^snap-([0-9a-f]{8}|[0-9a-f]{17})$' })),
    sizeGiB: Type.Integer({ minimum: 1, maximum: 65_536 }),
    /** Default: as the image. */
    encrypted: Type.Optional(Type.Boolean()),
    kmsKeyId: Type.Optional(Type.String({ minLength: 1 })),
    completed: Type.Optional(Type.Boolean()),
    /** Default: as the image. */
    owner: Type.Optional(Account),
    /** Default: as the image. */
    sharedWith: Type.Optional(Type.Array(Account)),
    tags: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  { additionalProperties: false },
);

/** An existing image: a seed, or one of POST /_simulator/images. Only `region` is required. */
export const NewImageSchema = Type.Object(
  {
    region: Type.String(),
    imageId: Type.Optional(Type.String({ pattern: '^ami-([0-9a-f]{8}|[0-9a-f]{17})$' })),
    owner: Type.Optional(Account),
    name: Type.Optional(Type.String()),
    description: Type.Optional(Type.String()),
    architecture: Type.Optional(Type.String()),
    state: Type.Optional(StateSchema),
    stateReason: Type.Optional(Type.String()),
    encrypted: Type.Optional(Type.Boolean()),
    /** In any of the four forms; default alias/aws/ebs. Ignored unless encrypted. */
    kmsKeyId: Type.Optional(Type.String({ minLength: 1 })),
    public: Type.Optional(Type.Boolean()),
    /** Accounts that may launch it, and copy it. */
    sharedWith: Type.Optional(Type.Array(Account)),
    tags: Type.Optional(Type.Record(Type.String(), Type.String())),
    snapshots: Type.Optional(Type.Array(SnapshotSchema, { minItems: 1 })),
    /** Sizes of blank EBS volumes, GiB. */
    blankVolumes: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 65_536 }))),
    productCodes: Type.Optional(Type.Array(Type.String())),
    createdAt: Type.Optional(Type.String({ format: 'date-time' })),
  },
  { additionalProperties: false },
);

export const NewImagesSchema = Type.Array(NewImageSchema);

export type NewImage = Static<typeof NewImageSchema>;
type NewSnapshot = Static<typeof SnapshotSchema>;

/** Adds an image and its snapshots, and replaces an image of the same id. */
export function addImage(world: World, spec: NewImage): Image {
  const now = spec.createdAt === undefined ? world.clock.now() : Date.parse(spec.createdAt);
  const owner = spec.owner ?? '111111111111';
  const snapshots = (spec.snapshots ?? [{ sizeGiB: 8 }]).map((snapshot) =>
    addSnapshot(world, spec, snapshot, owner, now),
  );
  const image: Image = {
    imageId: spec.imageId ?? newId('ami'),
    sequence: world.nextSequence(),
    region: spec.region,
    ownerId: owner,
    name: spec.name ?? `image-${now}`,
    description: spec.description ?? '',
    architecture: spec.architecture ?? 'x86_64',
    rootDeviceName: '/dev/xvda',
    createdAt: now,
    visibleAt: now,
    lifecycle: { kind: 'settled', state: spec.state ?? 'available', message: spec.stateReason },
    snapshotIdAfter: 0,
    devices: snapshots.map(deviceOf),
    blankVolumes: spec.blankVolumes ?? [],
    source: undefined,
    productCodes: spec.productCodes ?? [],
    tags: new Map(Object.entries(spec.tags ?? {})),
    launchPermissions: changed(accountsOf(spec.sharedWith ?? []), spec.public === true ? [everyone] : [], []),
    deprecatedAt: undefined,
  };
  const { images } = world.region(spec.region);
  images.delete(image.imageId);
  images.set(image.imageId, image);
  return image;
}

function accountsOf(accounts: readonly string[]): PermissionSet {
  return changed(
    new Map(),
    accounts.map((value) => ({ kind: 'userId', value })),
    [],
  );
}

function deviceOf(snapshot: Snapshot, index: number): Device {
  return {
    deviceName: index === 0 ? '/dev/xvda' : `/dev/sd${String.fromCodePoint('e'.charCodeAt(0) + index)}`,
    snapshotId: snapshot.snapshotId,
    volumeSize: snapshot.volumeSize,
    volumeType: 'gp3',
    encrypted: snapshot.encrypted,
  };
}

function addSnapshot(
  world: World,
  image: NewImage,
  spec: NewSnapshot,
  imageOwner: string,
  now: number,
): Snapshot {
  const owner = spec.owner ?? imageOwner;
  // An image may use an existing snapshot, such as another image's.
  const known =
    spec.snapshotId === undefined ? undefined : world.region(image.region).snapshots.get(spec.snapshotId);
  if (known !== undefined && image.imageId === undefined) return known;
  const encrypted = spec.encrypted ?? image.encrypted ?? false;
  const identifier = spec.kmsKeyId ?? image.kmsKeyId ?? awsManagedAlias;
  const snapshot: Snapshot = {
    snapshotId: spec.snapshotId ?? newId('snap'),
    sequence: world.nextSequence(),
    region: image.region,
    ownerId: owner,
    description: `Created by CreateImage(i-0a1b2c3d4e5f60000)${image.imageId === undefined ? '' : ` for ${image.imageId}`}`,
    volumeSize: spec.sizeGiB,
    encrypted,
    kmsKeyId: encrypted ? (world.findKey(owner, image.region, identifier)?.arn ?? identifier) : undefined,
    startedAt: now,
    visibleAt: now,
    lifecycle: { kind: 'settled', state: (spec.completed ?? true) ? 'completed' : 'pending' },
    completionMinutes: null,
    tags: new Map(Object.entries(spec.tags ?? {})),
    volumePermissions: accountsOf(spec.sharedWith ?? image.sharedWith ?? []),
  };
  world.region(image.region).snapshots.set(snapshot.snapshotId, snapshot);
  return snapshot;
}
