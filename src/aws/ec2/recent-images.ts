import type { Image, Scope } from '../../domain/ami.ts';
import { scopeKey } from '../../domain/ami.ts';
import type { Ec2Gateway } from './gateway.ts';
import { Recent } from './recent.ts';

/** For so long an available image counts as it was, milliseconds. */
const FRESH_MS = 5000;

/**
 * Looks at images for those who may know them as they were a few seconds ago: many requests about one image then cost
 * one call. Only an available image is remembered; who asks while a look is under way gets its answer, whatever it is.
 *
 * It is for the source of a copy alone: its facts only refuse early what EC2, or the worker by looking anew, would
 * refuse later. What decides about permissions is always read live.
 */
export class RecentImages implements Pick<Ec2Gateway, 'describeImage'> {
  readonly #gateway: Pick<Ec2Gateway, 'describeImage'>;
  readonly #images: Recent<Image | null>;

  /** @param options see {@link Recent} */
  constructor(
    gateway: Pick<Ec2Gateway, 'describeImage'>,
    options: { now?: () => number; most?: number } = {},
  ) {
    this.#gateway = gateway;
    this.#images = new Recent(FRESH_MS, options);
  }

  async describeImage(scope: Scope, imageId: string): Promise<Image | null> {
    return this.#images.get(
      `${scopeKey(scope)}/${imageId}`,
      () => this.#gateway.describeImage(scope, imageId),
      (image) => image?.state === 'available',
    );
  }
}
