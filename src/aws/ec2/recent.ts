interface Answer<T> {
  at: number;
  value: Promise<T>;
}

/** How many answers are cached at most. */
const MOST = 1000;

/**
 * A cache of answers, by key, for a short time: many questions within that time cost one call. Concurrent questions of one key
 * share a call, whatever its result; a failure is not cached.
 */
export class Recent<T> {
  readonly #freshMs: number;
  readonly #now: () => number;
  readonly #most: number;
  /** In the order in which they were requested. */
  readonly #answers = new Map<string, Answer<T>>();

  /**
   * @param freshMs for how long an answer is reused, milliseconds
   * @param now milliseconds of any monotonic clock
   */
  constructor(
    freshMs: number,
    { now = () => performance.now(), most = MOST }: { now?: () => number; most?: number } = {},
  ) {
    this.#freshMs = freshMs;
    this.#now = now;
    this.#most = most;
  }

  /** @param isKept whether an answer may be reused; @throws what `ask` throws */
  async get(key: string, ask: () => Promise<T>, isKept: (value: T) => boolean = () => true): Promise<T> {
    const known = this.#answers.get(key);
    if (known !== undefined && this.#now() - known.at < this.#freshMs) return known.value;
    const answer = { at: this.#now(), value: ask() };
    this.#keep(key, answer);
    try {
      const value = await answer.value;
      if (!isKept(value)) this.#forget(key, answer);
      return value;
    } catch (error) {
      this.#forget(key, answer);
      throw error;
    }
  }

  #keep(key: string, answer: Answer<T>): void {
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > this.#most && oldest !== undefined) this.#answers.delete(oldest);
  }

  #forget(key: string, answer: Answer<T>): void {
    if (this.#answers.get(key) === answer) this.#answers.delete(key);
  }
}
