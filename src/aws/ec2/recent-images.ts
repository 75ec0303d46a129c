import type { Image, Scope } from '../../domain/ami.ts';
import { scopeKey } from '../../domain/ami.ts';
import type { Ec2Gateway } from './gateway.ts';
import { Recent } from './recent.ts';

/** For how long the description of an available image is reused, milliseconds. */
const FRESH_MS = 5000;

/**
 * Describes images for callers to which a description a few seconds old is enough: many requests about one image then cost one
 * call. Only an available image is cached. Concurrent callers share a call, whatever its result.
 *
 * It is only for the source of a copy. Its facts only refuse early what EC2, or the worker with a new description, would refuse
 * later. Facts that decide about permissions are always read live.
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
