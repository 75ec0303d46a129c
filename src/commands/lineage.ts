import type { Image, ImageName } from '../domain/ami.ts';
import { JOB_TAG } from '../domain/copy-tags.ts';
import { AmiferryError } from '../errors.ts';
import type { CommandDeps } from './deps.ts';
import { requireImage } from './require-image.ts';

/** An image in a lineage. `jobId` is `null` if another tool made the image. */
export interface Relative {
  imageId: string;
  account: string;
  region: string;
  name: string | null;
  state: string | null;
  createdAt: string | null;
  jobId: string | null;
}

export interface Lineage {
  imageId: string;
  account: string;
  region: string;
  /** The images it was copied from, nearest first. Of one that no longer exists or is not visible, only the id is known. */
  ancestors: Relative[];
  copies: Relative[];
  /** Regions that could not be queried, so that copies there are missing from the list. */
  unanswered: { account: string; region: string; code: string; message: string }[];
}

/** The longest chain of ancestors that is followed. */
const MAX_ANCESTORS = 10;

/**
 * Finds the copies and the ancestors of an image by EC2's SourceImageId, with one DescribeImages in each
 * region. @throws {AmiferryError} those of require-image.ts
 */
export async function lineage(deps: CommandDeps, source: ImageName): Promise<Lineage> {
  const image = await requireImage(deps, source);
  const answers = await Promise.all(deps.regions.map((region) => copiesIn(deps, region, source)));
  return {
    ...source,
    ancestors: await ancestorsOf(deps, image),
    copies: answers.flatMap((answer) => ('copies' in answer ? answer.copies : [])),
    unanswered: answers.flatMap((answer) => ('copies' in answer ? [] : [answer])),
  };
}

async function copiesIn(deps: CommandDeps, region: string, source: ImageName) {
  try {
    const images = await deps.gateway.findImages({ account: source.account, region }, { source });
    return { copies: images.map(relativeOf) };
  } catch (error) {
    if (!(error instanceof AmiferryError)) throw error;
    // The account has no images in a region that it has not enabled.
    if (error.aws?.awsCode === 'OptInRequired') return { copies: [] };
    return { account: source.account, region, code: error.code, message: error.message };
  }
}

async function ancestorsOf(deps: CommandDeps, image: Image): Promise<Relative[]> {
  const { account } = image;
  const ancestors: Relative[] = [];
  let next = image.source;
  while (next !== null && ancestors.length < MAX_ANCESTORS) {
    const { imageId, region } = next;
    const known = deps.regions.includes(region);
    const found = known ? await deps.gateway.describeImage({ account, region }, imageId) : null;
    const unknown = { imageId, account, region, name: null, state: null, createdAt: null, jobId: null };
    ancestors.push(found === null ? unknown : relativeOf(found));
    next = found?.source ?? null;
  }
  return ancestors;
}

function relativeOf({ imageId, account, region, name, state, createdAt, tags }: Image): Relative {
  return { imageId, account, region, name, state, createdAt, jobId: tags[JOB_TAG] ?? null };
}
