import { AsyncLocalStorage } from 'node:async_hooks';

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Runs all items of one turn of the event loop together, at its end. Under load a Redis call for each request would be most of
 * a request's cost.
 */
export class Batcher<Item, Result> {
  readonly #run: (items: Item[]) => Promise<Result[]>;
  readonly #most: number;
  /**
   * A batch belongs to no single caller: it runs in the context (log lines, trace) in which the batcher was made, not in its
   * first caller's.
   */
  readonly #outside = AsyncLocalStorage.snapshot();
  #waiting: Waiting<Item, Result>[] = [];

  /**
   * `run` gives one result for each item, in order; when it rejects, all of them are rejected.
   * @param most how many items are run together at most
   */
  constructor(run: (items: Item[]) => Promise<Result[]>, most: number) {
    this.#run = run;
    this.#most = most;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#outside(() => this.#flush()));
      this.#waiting.push({ item, resolve, reject });
    });
  }

  #flush(): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (let i = 0; i < all.length; i += this.#most) void this.#settle(all.slice(i, i + this.#most));
  }

  async #settle(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#run(batch.map(({ item }) => item));
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- there is one for each
      for (const [i, { resolve }] of batch.entries()) resolve(results[i] as Result);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
