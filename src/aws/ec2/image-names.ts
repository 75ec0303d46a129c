import type { Image, Scope } from '../../domain/ami.ts';
import { scopeKey } from '../../domain/ami.ts';
import { heldBack } from '../aws-error.ts';
import type { Ec2Gateway } from './gateway.ts';

/**
 * How many calls a region this process makes for names. The rest of EC2's limit of DescribeImages (100, and 20 a second) is for
 * the work.
 */
const BURST = 50;
const PER_SECOND = 5;

/** For how long an answer is reused where no call is left, milliseconds. */
const STALE_MS = 5000;

/** How many answers are cached at most. */
const MOST = 1000;

interface Answer {
  at: number;
  images: Promise<Image[]>;
  isSettled: boolean;
}

/**
 * Finds the account's images by name. Concurrent look-ups of one name share a call. Calls are rate limited per region: over the
 * limit an answer of the last seconds is reused, or there is none.
 */
export class ImageNames {
  readonly #gateway: Pick<Ec2Gateway, 'findImages'>;
  readonly #now: () => number;
  readonly #answers = new Map<string, Answer>();
  readonly #buckets = new Map<string, { left: number; at: number }>();

  /** @param now milliseconds of any monotonic clock */
  constructor(gateway: Pick<Ec2Gateway, 'findImages'>, now: () => number = () => performance.now()) {
    this.#gateway = gateway;
    this.#now = now;
  }

  /** The account's images with a name. @throws {AwsError} the error of the call, or `throttled` where no call is left */
  async find(scope: Scope, name: string): Promise<Image[]> {
    const key = `${scopeKey(scope)}/${name}`;
    const known = this.#answers.get(key);
    if (known !== undefined && !known.isSettled) return known.images;
    const wait = this.#takeCall(scope);
    if (wait === 0) return this.#ask(key, scope, name);
    if (known !== undefined && this.#now() - known.at < STALE_MS) return known.images;
    throw heldBack('DescribeImages', scope.region, wait);
  }

  async #ask(key: string, scope: Scope, name: string): Promise<Image[]> {
    const images = this.#gateway.findImages(scope, { names: [name] });
    const answer: Answer = { at: this.#now(), images, isSettled: false };
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > MOST && oldest !== undefined) this.#answers.delete(oldest);
    try {
      return await images;
    } catch (error) {
      if (this.#answers.get(key) === answer) this.#answers.delete(key);
      throw error;
    } finally {
      answer.isSettled = true;
    }
  }

  /** Takes a call from the region's bucket. @returns 0, or the milliseconds until there is one */
  #takeCall(scope: Scope): number {
    const now = this.#now();
    const { left, at } = this.#buckets.get(scopeKey(scope)) ?? { left: BURST, at: now };
    const full = Math.min(BURST, left + ((now - at) / 1000) * PER_SECOND);
    this.#buckets.set(scopeKey(scope), { left: full < 1 ? full : full - 1, at: now });
    return full < 1 ? Math.ceil(((1 - full) / PER_SECOND) * 1000) : 0;
  }
}
