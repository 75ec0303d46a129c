import type { Image, ImageName } from '../domain/ami.ts';
import { JOB_TAG } from '../domain/copy-tags.ts';
import { AmiferryError } from '../errors.ts';
import type { CommandDeps } from './deps.ts';
import { requireImage } from './require-image.ts';

/** An image in a lineage. `jobId` where this service made it. */
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
  /** What it is a copy of, nearest first; an ancestor that is gone or not ours has nothing but its id. */
  ancestors: Relative[];
  copies: Relative[];
  /** Regions that could not be asked, so that copies there are missing from the list. */
  unanswered: { account: string; region: string; code: string; message: string }[];
}

/** A copy of a copy of a copy …: deeper than this nobody looks. */
const MAX_ANCESTORS = 10;

/**
 * Where an image was copied to and what it is a copy of, as EC2 itself tells (SourceImageId): one DescribeImages a
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
    // A region that isn't enabled in the account has no images of it.
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
