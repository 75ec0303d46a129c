interface Phase {
  name: string;
  stop: () => Promise<void>;
}

/**
 * What was started, by name, to be stopped in reverse. A phase that fails to stop is reported and does not keep the
 * ones below it from stopping.
 */
export class Unwind {
  readonly #phases: Phase[] = [];
  readonly #onError: (phase: string, error: unknown) => void;
  #running: Promise<void> | undefined;

  constructor(onError: (phase: string, error: unknown) => void) {
    this.#onError = onError;
  }

  /** Whether stopping has begun: what ends from now on ends because we asked it to. */
  get begun(): boolean {
    return this.#running !== undefined;
  }

  /** Notes what has just been started. After stopping has begun it is stopped at once. */
  async add(name: string, stop: () => Promise<void>): Promise<void> {
    this.#phases.push({ name, stop });
    if (this.begun) await this.#stopAll();
  }

  /** Stops everything, last started first. Calling it again waits for the same end. */
  async run(): Promise<void> {
    this.#running ??= this.#stopAll();
    await this.#running;
  }

  async #stopAll(): Promise<void> {
    for (let phase = this.#phases.pop(); phase !== undefined; phase = this.#phases.pop())
      await phase.stop().catch(this.#onError.bind(undefined, phase.name));
  }
}
