import type { Image, Scope } from '../domain/ami.ts';
import { scopeKey } from '../domain/ami.ts';
import type { Ec2Gateway } from './gateway.ts';

/** For so long an available image counts as it was, milliseconds. */
const FRESH_MS = 5000;

/** How many images are remembered at most. */
const MOST = 1000;

interface Look {
  at: number;
  image: Promise<Image | null>;
}

/**
 * Looks at images for those who may know them as they were a few seconds ago: many requests about one image then cost
 * one call. Only an available image is remembered; who asks while a look is under way gets its answer, whatever it is.
 *
 * It is for the source of a copy alone: its facts only refuse early what EC2, or the worker by looking anew, would
 * refuse later. What decides about permissions is always read live.
 */
export class RecentImages implements Pick<Ec2Gateway, 'describeImage'> {
  readonly #gateway: Pick<Ec2Gateway, 'describeImage'>;
  readonly #now: () => number;
  readonly #most: number;
  /** In the order in which they were looked at. */
  readonly #looks = new Map<string, Look>();

  /** @param now milliseconds of any clock that only goes forward */
  constructor(
    gateway: Pick<Ec2Gateway, 'describeImage'>,
    { now = () => performance.now(), most = MOST }: { now?: () => number; most?: number } = {},
  ) {
    this.#gateway = gateway;
    this.#now = now;
    this.#most = most;
  }

  async describeImage(scope: Scope, imageId: string): Promise<Image | null> {
    const key = `${scopeKey(scope)}/${imageId}`;
    const known = this.#looks.get(key);
    if (known !== undefined && this.#now() - known.at < FRESH_MS) return known.image;
    const look = { at: this.#now(), image: this.#gateway.describeImage(scope, imageId) };
    this.#keep(key, look);
    try {
      const image = await look.image;
      if (image?.state !== 'available') this.#forget(key, look);
      return image;
    } catch (error) {
      this.#forget(key, look);
      throw error;
    }
  }

  #keep(key: string, look: Look): void {
    this.#looks.delete(key);
    this.#looks.set(key, look);
    const [oldest] = this.#looks.keys();
    if (this.#looks.size > this.#most && oldest !== undefined) this.#looks.delete(oldest);
  }

  #forget(key: string, look: Look): void {
    if (this.#looks.get(key) === look) this.#looks.delete(key);
  }
}
