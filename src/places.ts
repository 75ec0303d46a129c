/** Counts what is at work for each of some names, so that none of them takes up what all share. */
export class Places {
  readonly #limit: number;
  readonly #taken = new Map<string, number>();

  /** @param limit how much may be at work for one name at once */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a place, and gives the function that frees it; `null` where none is free. */
  take(name: string): (() => void) | null {
    const taken = this.#taken.get(name) ?? 0;
    if (taken >= this.#limit) return null;
    this.#taken.set(name, taken + 1);
    return () => this.#free(name);
  }

  #free(name: string): void {
    const left = (this.#taken.get(name) ?? 0) - 1;
    if (left > 0) this.#taken.set(name, left);
    else this.#taken.delete(name);
  }
}
