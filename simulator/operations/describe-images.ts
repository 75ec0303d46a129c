import { AwsError, imageNotFound, invalidValue } from '../errors.ts';
import { imageState, namesItsSnapshots, type Image } from '../state/image.ts';
import {
  compileFilters,
  exactValues,
  readFilters,
  type Filter,
  type FilterReaders,
} from '../state/filters.ts';
import { canSeeImage, requireId } from '../state/lookup.ts';
import { pageOf } from '../state/pages.ts';
import { admits, isPublic } from '../state/permissions.ts';
import { tagSet, visibleTags } from '../state/tags.ts';
import type { LeavingImage } from '../state/world.ts';
import { stateAt } from '../state/lifecycle.ts';
import type { XmlObject } from '../wire/xml.ts';
import { reads, type Request } from './operation.ts';

const maxIds = 1000;

/** DescribeImages: the images that the caller can see, selected by ids, owners, sharees and filters, in pages. */
export const describeImages = reads((request) => {
  const { parameters } = request;
  const ids = parameters.texts('ImageId');
  if (ids.length > maxIds)
    throw new AwsError('InvalidParameterValue', `At most ${maxIds} image ids can be described at once`);
  if (ids.length > 0 && parameters.text('MaxResults') !== undefined) {
    throw new AwsError(
      'InvalidParameterCombination',
      'The parameter MaxResults cannot be used with the parameter ImageId',
    );
  }
  const filters = readFilters(parameters);
  const wanted = wantedBy(request, filters, ids.length > 0);
  const images = ids.length > 0 ? namedImages(request, ids) : candidates(request, filters);
  const page = pageOf(images.filter(wanted), parameters);
  return { imagesSet: page.members.map((image) => imageElements(request, image)), nextToken: page.nextToken };
});

function namedImages({ world, account, region }: Request, ids: readonly string[]): Image[] {
  for (const id of ids) requireId('ami', id);
  const now = world.clock.now();
  const { images, leaving } = world.region(region);
  const isLeftOut = (id: string) => {
    const { listedUntil = 0, knownUntil = 0 } = leaving.get(id) ?? {};
    return listedUntil <= now && now < knownUntil;
  };
  const found = [...new Set(ids)]
    .filter((id) => !isLeftOut(id))
    .map((id) => images.get(id) ?? listedStill(leaving.get(id), now) ?? id);
  const isSeen = (image: Image | string): image is Image =>
    typeof image !== 'string' && canSeeImage(image, account, now);
  const missing = found.filter((image) => !isSeen(image));
  if (missing.length > 0)
    throw imageNotFound(...missing.map((image) => (typeof image === 'string' ? image : image.imageId)));
  return found.filter(isSeen).toSorted((a, b) => a.sequence - b.sequence);
}

/** Looks images up by id if a filter names ids, so that 200 of thousands are found cheaply. */
function candidates({ world, region }: Request, filters: readonly Filter[]): Image[] {
  const now = world.clock.now();
  const { images, leaving } = world.region(region);
  const ids = exactValues(filters, 'image-id');
  const found = (ids === undefined ? [...images.keys(), ...leaving.keys()] : [...new Set(ids)])
    .map((id) => images.get(id) ?? listedStill(leaving.get(id), now))
    .filter((image) => image !== undefined);
  return found.sort((a, b) => a.sequence - b.sequence);
}

function listedStill(leaving: LeavingImage | undefined, now: number): Image | undefined {
  return leaving !== undefined && now < leaving.listedUntil ? leaving.image : undefined;
}

function wantedBy(request: Request, filters: readonly Filter[], named: boolean): (image: Image) => boolean {
  const { world, account, parameters } = request;
  const now = world.clock.now();
  const matches = compileFilters(filters, readers(now), (image: Image) => visibleTags(image, account));
  const ownedAsAsked = ownerTest(parameters.texts('Owner'), account);
  const sharedAsAsked = sharingTest(parameters.texts('ExecutableBy'), account);
  const includeDisabled = named || parameters.boolean('IncludeDisabled') === true;
  const includeDeprecated = named || parameters.boolean('IncludeDeprecated') === true;
  return (image) =>
    canSeeImage(image, account, now) &&
    ownedAsAsked(image) &&
    sharedAsAsked(image) &&
    (includeDisabled || imageState(image, now) !== 'disabled') &&
    (includeDeprecated || image.ownerId === account || (image.deprecatedAt ?? Infinity) > now) &&
    matches(image);
}

function ownerTest(owners: readonly string[], account: string): (image: Image) => boolean {
  if (owners.length === 0) return () => true;
  const wanted = new Set(owners.map((owner) => (owner === 'self' ? account : owner)));
  for (const owner of wanted) requireAccount(owner, ['amazon', 'aws-marketplace', 'aws-backup-vault']);
  return (image) => wanted.has(image.ownerId);
}

function sharingTest(sharees: readonly string[], account: string): (image: Image) => boolean {
  for (const sharee of sharees) requireAccount(sharee, ['self', 'all']);
  if (sharees.length === 0) return () => true;
  return ({ launchPermissions }) =>
    sharees.some((sharee) =>
      sharee === 'all'
        ? isPublic(launchPermissions)
        : admits(launchPermissions, sharee === 'self' ? account : sharee),
    );
}

function requireAccount(account: string, words: readonly string[]): void {
  if (!/^\d{12}$/.test(account) && !words.includes(account)) {
    throw new AwsError('InvalidUserID.Malformed', invalidValue('account', account, '').message);
  }
}

function readers(now: number): FilterReaders<Image> {
  const some = (value: string | undefined): string[] => (value === undefined ? [] : [value]);
  return new Map<string, (image: Image) => readonly string[]>([
    ['architecture', (image) => [image.architecture]],
    ['block-device-mapping.device-name', (image) => image.devices.map((device) => device.deviceName)],
    ['block-device-mapping.encrypted', (image) => image.devices.map((device) => String(device.encrypted))],
    [
      'block-device-mapping.snapshot-id',
      (image) => (namesItsSnapshots(image, now) ? image.devices.map((device) => device.snapshotId) : []),
    ],
    ['block-device-mapping.volume-size', (image) => image.devices.map((device) => String(device.volumeSize))],
    ['block-device-mapping.volume-type', (image) => image.devices.map((device) => device.volumeType)],
    ['creation-date', (image) => [new Date(image.createdAt).toISOString()]],
    ['description', (image) => [image.description]],
    ['ena-support', () => ['true']],
    ['hypervisor', () => ['xen']],
    ['image-id', (image) => [image.imageId]],
    ['image-type', () => ['machine']],
    ['is-public', (image) => [String(isPublic(image.launchPermissions))]],
    ['name', (image) => [image.name]],
    ['owner-id', (image) => [image.ownerId]],
    ['product-code', (image) => image.productCodes],
    ['root-device-name', (image) => [image.rootDeviceName]],
    ['root-device-type', () => ['ebs']],
    ['source-image-id', (image) => some(image.source?.imageId)],
    ['source-image-region', (image) => some(image.source?.region)],
    ['state', (image) => [imageState(image, now)]],
    ['state-reason-message', (image) => some(stateAt(image.lifecycle, now).message)],
    ['virtualization-type', () => ['hvm']],
  ]);
}

function imageElements({ world, account }: Request, image: Image): XmlObject {
  const now = world.clock.now();
  const { state, message } = stateAt(image.lifecycle, now);
  const codes = image.productCodes.map((productCode) => ({ productCode, type: 'marketplace' }));
  return {
    imageId: image.imageId,
    imageLocation: `${image.ownerId}/${image.name}`,
    imageState: state,
    imageOwnerId: image.ownerId,
    creationDate: new Date(image.createdAt).toISOString(),
    isPublic: isPublic(image.launchPermissions),
    productCodes: codes.length === 0 ? undefined : codes,
    architecture: image.architecture,
    imageType: 'machine',
    stateReason: message === undefined ? undefined : { code: 'Server.InternalError', message },
    name: image.name,
    description: image.description === '' ? undefined : image.description,
    rootDeviceType: 'ebs',
    rootDeviceName: image.rootDeviceName,
    blockDeviceMapping: devicesOf(image, now),
    virtualizationType: 'hvm',
    tagSet: tagSet(visibleTags(image, account)),
    hypervisor: 'xen',
    enaSupport: true,
    sriovNetSupport: 'simple',
    bootMode: 'uefi-preferred',
    imdsSupport: 'v2.0',
    platformDetails: 'Linux/UNIX',
    usageOperation: 'RunInstances',
    deprecationTime:
      image.deprecatedAt === undefined ? undefined : new Date(image.deprecatedAt).toISOString(),
    sourceImageId: image.source?.imageId,
    sourceImageRegion: image.source?.region,
  };
}

/** Like EC2, without the keys, which only DescribeSnapshots returns. */
export function devicesOf(image: Image, now: number): XmlObject[] {
  const named = namesItsSnapshots(image, now);
  const devices = image.devices.map((device) => ({
    deviceName: device.deviceName,
    ebs: {
      snapshotId: named ? device.snapshotId : undefined,
      volumeSize: device.volumeSize,
      deleteOnTermination: true,
      volumeType: device.volumeType,
      encrypted: device.encrypted,
    },
  }));
  return [...devices, ...image.blankVolumes.map(blankVolume)];
}

/** A blank volume: without a snapshot and without `encrypted`. */
function blankVolume(volumeSize: number, index: number): XmlObject {
  const deviceName = `/dev/sd${String.fromCodePoint('p'.charCodeAt(0) + index)}`;
  return { deviceName, ebs: { volumeSize, deleteOnTermination: true, volumeType: 'gp3' } };
}
