import type { Image } from '../domain/ami.ts';
import { JOB_TAG } from '../domain/copy-tags.ts';
import type { CopySpec, Warning } from '../domain/job.ts';
import { AmiferryError } from '../errors.ts';
import type { CommandDeps } from './deps.ts';

/** The longest time that a request waits for the look-up, milliseconds. */
const PATIENCE = 1000;

/** States of an image that can be launched now or later. */
const USABLE: ReadonlySet<Image['state']> = new Set(['pending', 'available', 'disabled']);

/**
 * Warns of existing images with the name of a copy, such as those of an earlier run of the same request: names are not unique in
 * EC2. All regions are queried concurrently; an error or a late answer only adds a warning.
 */
export async function takenNames(
  deps: CommandDeps,
  source: Image,
  specs: readonly CopySpec[],
): Promise<Warning[]> {
  const found = await Promise.all(specs.map((spec) => takenName(deps, source, spec)));
  return found.flat();
}

async function takenName(
  { imageNames }: CommandDeps,
  source: Image,
  { account, region, name }: CopySpec,
): Promise<Warning[]> {
  try {
    const images = await inTime(imageNames.find({ account, region }, name));
    const same = images.filter((one) => one.name === name && USABLE.has(one.state));
    const [first, ...more] = same
      .filter(({ imageId }) => imageId !== source.imageId)
      .toSorted((a, b) => (a.createdAt ?? '').localeCompare(b.createdAt ?? ''));
    return first === undefined ? [] : [taken(first, more.length)];
  } catch (error) {
    if (!(error instanceof AmiferryError)) throw error;
    const message = `the service could not check whether ${region} already has an image with the name "${name}": ${error.message}`;
    return [{ code: 'name-not-checked', message, account, region }];
  }
}

function taken({ imageId, account, region, name, createdAt, tags }: Image, more: number): Warning {
  const job = tags[JOB_TAG] === undefined ? '' : `, made by job ${tags[JOB_TAG]}`;
  const others = more === 0 ? '' : ` and ${more} more`;
  const message = `${imageId}${others} in ${region} has the name "${name}" already (since ${createdAt ?? 'an unknown time'}${job}), and this job makes another image of that name: cancel it to use the existing one, or deregister that one`;
  return { code: 'name-taken', message, account, region };
}

/** @throws {AmiferryError} `ec2-unavailable` if the answer is late */
async function inTime(images: Promise<Image[]>): Promise<Image[]> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const message = `EC2 did not answer within ${PATIENCE} ms`;
  const timer = setTimeout(() => reject(new AmiferryError('ec2-unavailable', message)), PATIENCE);
  try {
    return await Promise.race([images, late]);
  } finally {
    clearTimeout(timer);
  }
}
