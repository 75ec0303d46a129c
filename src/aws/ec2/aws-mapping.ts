import type { Image as AwsImage, LaunchPermission, Snapshot as AwsSnapshot, Tag } from '@aws-sdk/client-ec2';
import type { Image, ImageState, Scope, Snapshot, Tags } from '../../domain/ami.ts';
import { IMAGE_STATES } from '../../domain/ami.ts';
import type { PermissionSet } from '../../domain/permissions.ts';
import { normalise } from '../../domain/permissions.ts';

/** Converts EC2's answers into this service's own types. EC2 may omit any field, so each has a default. */
export function toImage(image: AwsImage, { account, region }: Scope): Image {
  return {
    imageId: image.ImageId ?? '',
    account,
    region,
    ownerId: image.OwnerId ?? '',
    name: image.Name ?? '',
    description: image.Description ?? null,
    state: toState(image.State),
    stateReason: image.StateReason?.Message ?? null,
    public: image.Public ?? false,
    architecture: image.Architecture ?? null,
    createdAt: image.CreationDate ?? null,
    deprecationTime: image.DeprecationTime ?? null,
    source: toSource(image),
    snapshots: toSnapshots(image),
    ebsBacked: image.RootDeviceType === 'ebs',
    productCodes: (image.ProductCodes ?? []).map((code) => code.ProductCodeId ?? ''),
    tags: toTags(image.Tags),
  };
}

function toSource({ SourceImageId, SourceImageRegion }: AwsImage): Image['source'] {
  if (!SourceImageId || !SourceImageRegion) return null;
  return { imageId: SourceImageId, region: SourceImageRegion };
}

function toSnapshots(image: AwsImage): Image['snapshots'] {
  return (image.BlockDeviceMappings ?? []).flatMap(({ DeviceName, Ebs }) =>
    Ebs === undefined
      ? []
      : {
          deviceName: DeviceName ?? '',
          snapshotId: Ebs.SnapshotId ?? null,
          sizeGiB: Ebs.VolumeSize ?? null,
          encrypted: Ebs.Encrypted ?? false,
        },
  );
}

/** A state that EC2 adds later counts as `transient`: neither usable nor ended. */
function toState(state: string | undefined): ImageState {
  return IMAGE_STATES.find((known) => known === state) ?? 'transient';
}

export function toSnapshot(snapshot: AwsSnapshot): Snapshot {
  return {
    snapshotId: snapshot.SnapshotId ?? '',
    ownerId: snapshot.OwnerId,
    state: snapshot.State ?? 'pending',
    stateMessage: snapshot.StateMessage ?? null,
    progress: Number.parseInt(snapshot.Progress ?? '0', 10) || 0,
    sizeGiB: snapshot.VolumeSize ?? 0,
    encrypted: snapshot.Encrypted ?? false,
    kmsKeyId: snapshot.KmsKeyId ?? null,
    description: snapshot.Description ?? null,
    tags: toTags(snapshot.Tags),
  };
}

export function toTags(tags: Tag[] | undefined): Tags {
  return Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']));
}

export function fromTags(tags: Tags): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** Launch permissions, and createVolumePermission, which has the same form with fewer kinds. */
export function toPermissionSet(all: LaunchPermission[]): PermissionSet {
  const list = (value: (item: LaunchPermission) => string | undefined) =>
    all.flatMap((item) => value(item) || []);
  return normalise({
    public: all.some(({ Group }) => Group === 'all'),
    accounts: list(({ UserId }) => UserId),
    organizations: list(({ OrganizationArn }) => OrganizationArn),
    organizationalUnits: list(({ OrganizationalUnitArn }) => OrganizationalUnitArn),
  });
}

export function fromPermissionSet(set: PermissionSet): LaunchPermission[] {
  return [
    ...(set.public ? [{ Group: 'all' as const }] : []),
    ...set.accounts.map((UserId) => ({ UserId })),
    ...set.organizations.map((OrganizationArn) => ({ OrganizationArn })),
    ...set.organizationalUnits.map((OrganizationalUnitArn) => ({ OrganizationalUnitArn })),
  ];
}
