interface Phase {
  name: string;
  stop: () => Promise<void>;
}

/**
 * The started parts, by name, which are stopped in reverse order. A part that fails to stop is reported, and the others are still
 * stopped.
 */
export class Unwind {
  readonly #phases: Phase[] = [];
  readonly #onError: (phase: string, error: unknown) => void;
  #running: Promise<void> | undefined;

  constructor(onError: (phase: string, error: unknown) => void) {
    this.#onError = onError;
  }

  /** Whether stopping has begun: from then on, ends of parts are expected. */
  get begun(): boolean {
    return this.#running !== undefined;
  }

  /** Adds a started part. If stopping has already begun, it is stopped at once. */
  async add(name: string, stop: () => Promise<void>): Promise<void> {
    this.#phases.push({ name, stop });
    if (this.begun) await this.#stopAll();
  }

  /** Stops everything, last started first. A second call waits for the same end. */
  async run(): Promise<void> {
    this.#running ??= this.#stopAll();
    await this.#running;
  }

  async #stopAll(): Promise<void> {
    for (let phase = this.#phases.pop(); phase !== undefined; phase = this.#phases.pop())
      await phase.stop().catch(this.#onError.bind(undefined, phase.name));
  }
}
