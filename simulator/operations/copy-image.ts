import { AwsError, invalidValue } from '../errors.ts';
import { partitionOf, regions } from '../regions.ts';
import { copiesUnderWay, startCopy, type CopyPlan } from '../state/copies.ts';
import { imageState, isEncrypted, type Image } from '../state/image.ts';
import { mayReadStorage } from '../state/copy-access.ts';
import { seenImage, snapshotsOf } from '../state/lookup.ts';
import { snapshotState } from '../state/snapshot.ts';
import { copyableTags, mergeTags } from '../state/tags.ts';
import { encryptionOf } from './copy-encryption.ts';
import { fingerprintOf, recall, remember } from './copy-tokens.ts';
import { mutates, type Request } from './operation.ts';
import { readTagSpecifications } from './tag-specifications.ts';

const namePattern = /^[A-Za-z0-9 ()[\]./\-'@_]{3,128}$/;
const secondsTag = 'simulator:seconds';

/** CopyImage: checks, then makes a pending image. The same ClientToken with the same parameters returns the first image. */
export const copyImage = mutates((request) => {
  const { parameters, world, account, region } = request;
  const token = parameters.text('ClientToken');
  if (token !== undefined && !/^[\x21-\x7e]{1,64}$/.test(token)) {
    throw invalidValue('ClientToken', token, 'At most 64 ASCII characters.');
  }
  const scope = world.scope(account, region);
  const fingerprint = fingerprintOf(parameters);
  const known = token === undefined ? undefined : recall(scope, token, fingerprint, world);
  if (known !== undefined) return { imageId: known };

  const plan = planOf(request);
  if (plan.completionMinutes !== undefined) requireThroughput(request);
  const doomed = requireSlots(request, plan.source) === 'fails';
  const { imageId } = startCopy(world, doomed ? { ...plan, ...outOfRoom(world) } : plan);
  if (token !== undefined) remember(scope, token, { fingerprint, imageId, at: world.clock.now() });
  return { imageId };
});

function planOf(request: Request): CopyPlan {
  const { parameters, world, account, region, effects } = request;
  const name = nameOf(request);
  const source = sourceOf(request);
  const { encrypt, kmsKeyId, failure } = encryptionOf(request, isEncrypted(source));
  const tags = readTagSpecifications(parameters);
  const copied = parameters.boolean('CopyImageTags') === true ? copyableTags(source, account) : new Map();
  return {
    source,
    account,
    region,
    name,
    encrypt,
    kmsKeyId,
    failure: effects.copyFails ?? failure,
    description: descriptionOf(request),
    imageTags: mergeTags(copied, newIn(copied, tags.image)),
    snapshotTags: tags.snapshot,
    durationMs: secondsOf([tags.image, tags.snapshot, source.tags], world.settings.copySeconds) * 1000,
    hiddenMs: effects.consistencyDelayMs ?? world.settings.consistencyDelayMs,
    completionMinutes: completionMinutesOf(request),
  };
}

/** @throws AwsError InvalidParameterValue for a duplicate key. EC2's behaviour is unknown, so the simulator is strict. */
function newIn(copied: ReadonlyMap<string, string>, asked: Map<string, string>): Map<string, string> {
  const twice = [...asked.keys()].find((key) => copied.has(key));
  if (twice === undefined) return asked;
  throw new AwsError('InvalidParameterValue', `Duplicate tag key '${twice}' specified.`);
}

function nameOf({ parameters, world, account, region }: Request): string {
  const name = parameters.required('Name');
  if (!namePattern.test(name)) {
    throw new AwsError(
      'InvalidAMIName.Malformed',
      `AMI names must be between 3 and 128 characters long, and may contain letters, numbers, spaces and ( ) [ ] . / - ' @ _`,
    );
  }
  if (world.settings.uniqueNames) {
    for (const image of world.region(region).images.values()) {
      if (image.ownerId !== account || image.name !== name) continue;
      throw new AwsError(
        'InvalidAMIName.Duplicate',
        `AMI name ${name} is already in use by AMI ${image.imageId}`,
      );
    }
  }
  return name;
}

function descriptionOf({ parameters }: Request): string {
  const description = parameters.text('Description') ?? '';
  if (description.length > 255) throw invalidValue('Description', description, 'At most 255 characters.');
  return description;
}

function completionMinutesOf({ parameters }: Request): number | undefined {
  const placements = [
    'DestinationOutpostArn',
    'DestinationAvailabilityZone',
    'DestinationAvailabilityZoneId',
  ];
  if (placements.filter((name) => parameters.text(name) !== undefined).length > 1) {
    throw new AwsError('InvalidParameterCombination', `${placements.join(', ')} are mutually exclusive`);
  }
  const minutes = parameters.integer('SnapshotCopyCompletionDurationMinutes');
  if (minutes !== undefined && (minutes < 15 || minutes > 2880 || minutes % 15 !== 0)) {
    throw invalidValue(
      'SnapshotCopyCompletionDurationMinutes',
      String(minutes),
      'Multiples of 15, from 15 to 2880.',
    );
  }
  return minutes;
}

/** Simulated seconds: of the first tag `simulator:seconds`, else of the setting. */
function secondsOf(tagSets: readonly ReadonlyMap<string, string>[], fallback: number): number {
  const said = tagSets.map((tags) => tags.get(secondsTag)).find((value) => /^\d+(\.\d+)?$/.test(value ?? ''));
  return said === undefined ? fallback : Number(said);
}

function sourceOf({ parameters, world, account, region: destination }: Request): Image {
  const region = parameters.required('SourceRegion');
  if (!regions.has(region) || partitionOf(region) !== partitionOf(destination))
    throw new AwsError('InvalidRegion', `The region '${region}' does not exist`);
  const source = seenImage({ world, account, region }, parameters.required('SourceImageId'));
  const state = imageState(source, world.clock.now());
  if (state !== 'available') {
    throw new AwsError(
      'InvalidAMIID.Unavailable',
      `The image ID '${source.imageId}' is not available: it is ${state}`,
    );
  }
  if (source.productCodes.length > 0 && source.ownerId !== account) {
    throw new AwsError(
      'InvalidRequest',
      'Images with EC2 BillingProduct codes cannot be copied to another AWS account',
    );
  }
  requireStorage(world, account, source);
  return source;
}

/** Checks that the account may read the snapshots, and that they are complete. */
function requireStorage(world: Request['world'], account: string, source: Image): void {
  const now = world.clock.now();
  if (!mayReadStorage(world, account, source)) {
    throw new AwsError('InvalidRequest', 'You do not have permission to access the storage of this ami');
  }
  for (const snapshot of snapshotsOf(world, source)) {
    if (snapshotState(snapshot, now) !== 'completed') {
      throw new AwsError('IncorrectState', `Snapshot ${snapshot.snapshotId} is not completed`);
    }
  }
}

/** EC2's message, and the time after which the copy fails with it. */
function outOfRoom({ settings }: Request['world']): Pick<CopyPlan, 'failure' | 'durationMs'> {
  const reason = `Too many snapshot copies in progress. The limit is ${settings.snapshotCopySlots} in-progress snapshot copies to a single destination region.`;
  return {
    failure: { reason: 'Copy image failed with an internal error.', snapshotReason: reason },
    durationMs: 1000,
  };
}

/** `fails`: the copy is accepted, and then fails for lack of snapshot slots. */
function requireSlots({ world, account, region }: Request, source: Image): 'fine' | 'fails' {
  const { copySlots, snapshotCopySlots, snapshotCopyLimit } = world.settings;
  const underWay = copiesUnderWay(world, account, region).filter(isToEndWell);
  const snapshots = underWay.reduce((count, image) => count + image.devices.length, source.devices.length);
  if (underWay.length >= copySlots) {
    throw new AwsError(
      'ResourceLimitExceeded',
      `You have exceeded the maximum number of ${copySlots} concurrent AMI copies into ${region}`,
    );
  }
  if (snapshotCopySlots !== null && snapshots > snapshotCopySlots) {
    if (snapshotCopyLimit === 'fails') return 'fails';
    throw new AwsError(
      'ResourceLimitExceeded',
      `You have exceeded the maximum number of ${snapshotCopySlots} concurrent snapshot copies into ${region}`,
    );
  }
  return 'fine';
}

function requireThroughput({ world, account, region }: Request): void {
  const { timeBasedCopySlots } = world.settings;
  const isTimeBased = (image: Image) =>
    snapshotsOf(world, image).some(({ completionMinutes }) => typeof completionMinutes === 'number');
  if (timeBasedCopySlots === null) return;
  if (copiesUnderWay(world, account, region).filter(isTimeBased).length < timeBasedCopySlots) return;
  throw new AwsError(
    'ResourceLimitExceeded',
    `The time-based copy would exceed the cumulative snapshot copy throughput quota in ${region}`,
  );
}

function isToEndWell({ lifecycle }: Image): boolean {
  return lifecycle.kind !== 'copying' || lifecycle.final.state === 'available';
}
