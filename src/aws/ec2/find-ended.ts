import type { Image, ImageState } from '../../domain/ami.ts';
import { IMAGE_STATES } from '../../domain/ami.ts';
import { AwsError } from '../aws-error.ts';
import type { EndedImages } from './gateway.ts';

/** Ids that one call of DescribeImages may name (EC2 API reference, DescribeImages). */
export const IMAGE_IDS = 1000;

/** How often the call is repeated without unknown ids, before the images are queried by a filter. */
const TRIES = 3;

const ENDED: readonly ImageState[] = IMAGE_STATES.filter(
  (state) => state !== 'pending' && state !== 'transient',
);

/** The two ways to query some images. */
export interface Asking {
  /** The images in one of these states; rejects as `missing` if EC2 does not know one of the ids. */
  named: (imageIds: readonly string[], states: readonly ImageState[]) => Promise<Image[]>;
  /** All images that EC2 knows. */
  filtered: (imageIds: readonly string[]) => Promise<Image[]>;
}

/**
 * Finds which of at most {@link IMAGE_IDS} images have ended. One id that EC2 does not know fails the whole call, and the error
 * names the id: the next call leaves it out. After too many such calls, the images are queried by a filter, which takes more
 * calls and longer answers.
 */
export async function findEnded(imageIds: readonly string[], asking: Asking): Promise<EndedImages> {
  const unknown = new Set<string>();
  for (let tries = 0; tries < TRIES; tries += 1) {
    const known = imageIds.filter((id) => !unknown.has(id));
    if (known.length === 0) return { ended: [], unknown: [...unknown] };
    try {
      // The states are checked here too: an endpoint that ignores the filter answers with all images.
      const answered = await asking.named(known, ENDED);
      return { ended: answered.filter(isEnded(known)), unknown: [...unknown] };
    } catch (error) {
      const missing = known.filter((id) => saysMissing(error, id));
      if (missing.length === 0) break;
      for (const id of missing) unknown.add(id);
    }
  }
  return endedAmong(imageIds, await asking.filtered(imageIds));
}

function isEnded(asked: readonly string[]): (image: Image) => boolean {
  const ids = new Set(asked);
  return ({ imageId, state }) => ids.has(imageId) && ENDED.includes(state);
}

function endedAmong(imageIds: readonly string[], images: readonly Image[]): EndedImages {
  const found = new Set(images.map(({ imageId }) => imageId));
  return {
    ended: images.filter(isEnded(imageIds)),
    unknown: imageIds.filter((id) => !found.has(id)),
  };
}

/** The unknown ids in EC2's message: "The image ids '[ami-…, ami-…]' do not exist". Throws any other error. */
function saysMissing(error: unknown, imageId: string): boolean {
  if (!(error instanceof AwsError) || error.kind !== 'missing') throw error;
  return error.message.includes(imageId);
}
