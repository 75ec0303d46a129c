import { newId } from '../ids.ts';
import { imageState, type Device, type Image } from './image.ts';
import { snapshotsOf } from './lookup.ts';
import type { Snapshot } from './snapshot.ts';
import type { World } from './world.ts';

/** Why an accepted copy fails later: the image's reason, and that of its snapshots, which says more. */
export interface CopyFailure {
  readonly reason: string;
  readonly snapshotReason?: string | undefined;
}

/** A copy that has passed every check. Durations in simulated milliseconds. */
export interface CopyPlan {
  readonly source: Image;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly description: string;
  readonly imageTags: Map<string, string>;
  readonly snapshotTags: Map<string, string>;
  /** Whether unencrypted snapshots become encrypted, and the ARN of the key for all encrypted ones. */
  readonly encrypt: boolean;
  readonly kmsKeyId: string | undefined;
  readonly failure: CopyFailure | undefined;
  readonly durationMs: number;
  readonly hiddenMs: number;
  readonly completionMinutes: number | undefined;
}

/** Smaller snapshots complete earlier, but not before this part of the copy's duration. */
const shortestPart = 0.2;

/** Makes the pending image and its snapshots. Their state follows from the clock. */
export function startCopy(world: World, plan: CopyPlan): Image {
  const now = world.clock.now();
  const imageId = newId('ami');
  const largest = Math.max(...plan.source.devices.map((device) => device.volumeSize));
  const devices = plan.source.devices.map((device): Device => {
    const part = Math.max(shortestPart, device.volumeSize / largest);
    const snapshot = copySnapshot(world, plan, device, imageId, now, plan.durationMs * part);
    return { ...device, snapshotId: snapshot.snapshotId, encrypted: snapshot.encrypted };
  });
  const image = copiedImage(world, plan, imageId, devices, now);
  world.region(plan.region).images.set(imageId, image);
  world.scope(plan.account, plan.region).copies.push(image);
  world.stateChanges.expect(image);
  return image;
}

function copiedImage(world: World, plan: CopyPlan, imageId: string, devices: Device[], now: number): Image {
  const { failure, source } = plan;
  return {
    ...source,
    imageId,
    devices,
    sequence: world.nextSequence(),
    region: plan.region,
    ownerId: plan.account,
    name: plan.name,
    description: plan.description,
    createdAt: now,
    visibleAt: now + plan.hiddenMs,
    lifecycle: {
      kind: 'copying',
      startedAt: now,
      endsAt: now + plan.durationMs,
      final: failure === undefined ? { state: 'available' } : { state: 'failed', message: failure.reason },
    },
    snapshotIdAfter: world.settings.snapshotIdAfter,
    source: { imageId: source.imageId, region: source.region },
    tags: plan.imageTags,
    launchPermissions: new Map(),
    deprecatedAt: undefined,
  };
}

function copySnapshot(
  world: World,
  plan: CopyPlan,
  device: Device,
  imageId: string,
  now: number,
  durationMs: number,
): Snapshot {
  const { failure, source } = plan;
  const encrypted = plan.encrypt || device.encrypted;
  const snapshot: Snapshot = {
    snapshotId: newId('snap'),
    sequence: world.nextSequence(),
    region: plan.region,
    ownerId: plan.account,
    description: `Copied for DestinationAmi ${imageId} from SourceAmi ${source.imageId} for SourceSnapshot ${device.snapshotId}. Task created on ${Math.round(now).toLocaleString('en-US')}.`,
    volumeSize: device.volumeSize,
    encrypted,
    kmsKeyId: encrypted ? plan.kmsKeyId : undefined,
    startedAt: now,
    visibleAt: now + plan.hiddenMs,
    lifecycle: {
      kind: 'copying',
      startedAt: now,
      endsAt: now + durationMs,
      final:
        failure === undefined ? { state: 'completed' } : { state: 'error', message: failure.snapshotReason },
    },
    completionMinutes: plan.completionMinutes,
    tags: new Map(plan.snapshotTags),
    volumePermissions: new Map(),
  };
  world.region(plan.region).snapshots.set(snapshot.snapshotId, snapshot);
  return snapshot;
}

/** The pending copies of an account into a region. */
export function copiesUnderWay(world: World, account: string, region: string): readonly Image[] {
  const scope = world.scope(account, region);
  const now = world.clock.now();
  const { images } = world.region(region);
  scope.copies = scope.copies.filter(
    (image) => images.has(image.imageId) && imageState(image, now) === 'pending',
  );
  return scope.copies;
}

/** Removes an image; for a pending copy its snapshots too, which cancels the copy. */
export function removeImage(world: World, image: Image): void {
  const { images, leaving, snapshots } = world.region(image.region);
  const now = world.clock.now();
  if (imageState(image, now) === 'pending') {
    for (const snapshot of snapshotsOf(world, image)) snapshots.delete(snapshot.snapshotId);
  }
  images.delete(image.imageId);
  const whileMs = world.settings.deregisteredSeconds * 1000;
  if (whileMs === 0) return;
  image.lifecycle = { kind: 'settled', state: 'deregistered' };
  leaving.set(image.imageId, { image, listedUntil: now + whileMs, knownUntil: now + 2 * whileMs });
}
