import type { Image, ImageState } from '../../domain/ami.ts';
import { IMAGE_STATES } from '../../domain/ami.ts';
import { AwsError } from '../aws-error.ts';
import type { EndedImages } from './gateway.ts';

/** Ids that one call of DescribeImages may name (EC2 API reference, DescribeImages). */
export const IMAGE_IDS = 1000;

/** How often those that EC2 doesn't know are left out and it is asked again, before it is asked in another way. */
const TRIES = 3;

const ENDED: readonly ImageState[] = IMAGE_STATES.filter(
  (state) => state !== 'pending' && state !== 'transient',
);

/** The two ways to ask EC2 for some images. */
export interface Asking {
  /** Those in one of these states; rejects as `missing` over an id that EC2 doesn't know. */
  named: (imageIds: readonly string[], states: readonly ImageState[]) => Promise<Image[]>;
  /** All of them that EC2 knows. */
  filtered: (imageIds: readonly string[]) => Promise<Image[]>;
}

/**
 * Which of at most {@link IMAGE_IDS} images have ended. One id that EC2 doesn't know fails a call that names it, and the error tells
 * which: it is left out of the next one. Where that leads nowhere they are asked for by a filter, in more and longer answers.
 */
export async function findEnded(imageIds: readonly string[], asking: Asking): Promise<EndedImages> {
  const unknown = new Set<string>();
  for (let tries = 0; tries < TRIES; tries += 1) {
    const known = imageIds.filter((id) => !unknown.has(id));
    if (known.length === 0) return { ended: [], unknown: [...unknown] };
    try {
      // EC2's word alone is not enough: an endpoint that ignores the filter answers with all of them.
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

/** EC2's words: "The image ids '[ami-…, ami-…]' do not exist". Throws what is no such error. */
function saysMissing(error: unknown, imageId: string): boolean {
  if (!(error instanceof AwsError) || error.kind !== 'missing') throw error;
  return error.message.includes(imageId);
}
