/** Counts what is at work for each host, so that one that does not answer leaves room for all others. */
export class HostSlots {
  readonly #limit: number;
  readonly #taken = new Map<string, number>();

  /** @param limit how much may be at work for one host at once */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a slot of a URL's host, and gives the function that frees it; `null` where none is free. */
  take(url: string): (() => void) | null {
    const { host } = new URL(url);
    const taken = this.#taken.get(host) ?? 0;
    if (taken >= this.#limit) return null;
    this.#taken.set(host, taken + 1);
    return () => this.#free(host);
  }

  #free(host: string): void {
    const left = (this.#taken.get(host) ?? 0) - 1;
    if (left > 0) this.#taken.set(host, left);
    else this.#taken.delete(host);
  }
}
