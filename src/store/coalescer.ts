interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Runs the items of one key one after the other. Items that are added during a run wait for its end, and then share the next run:
 * separate runs would conflict with each other.
 */
export class Coalescer<Item, Result> {
  readonly #run: (key: string, items: Item[]) => Promise<Result[]>;
  /** By key, while a run is in progress: the items of the next run. */
  readonly #waiting = new Map<string, Waiting<Item, Result>[]>();

  /** @param run returns one result for each item, in order; if it rejects, every item of the run is rejected */
  constructor(run: (key: string, items: Item[]) => Promise<Result[]>) {
    this.#run = run;
  }

  add(key: string, item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      const one = { item, resolve, reject };
      const waiting = this.#waiting.get(key);
      if (waiting !== undefined) {
        waiting.push(one);
        return;
      }
      this.#waiting.set(key, []);
      void this.#drain(key, [one]);
    });
  }

  async #drain(key: string, first: Waiting<Item, Result>[]): Promise<void> {
    for (let batch = first; batch.length > 0; batch = this.#waiting.get(key)?.splice(0) ?? []) {
      try {
        const results = await this.#run(
          key,
          batch.map(({ item }) => item),
        );
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- there is one for each
        for (const [i, { resolve }] of batch.entries()) resolve(results[i] as Result);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#waiting.delete(key);
  }
}
