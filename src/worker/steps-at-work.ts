/** The fields of a step in a log line: its name, and its job and destination or its scope. */
export type AboutStep = { step: string } & Record<string, unknown>;

/** A step that began in this process and has not ended. */
export interface StepAtWork {
  about: AboutStep;
  /** When it began, milliseconds of this process' monotonic clock. */
  since: number;
}

/** The steps that this worker currently runs. */
export class StepsAtWork {
  readonly #steps = new Set<StepAtWork>();

  /** Runs a step, and lists it until it has ended, with or without an error. */
  async run<T>(about: AboutStep, step: () => Promise<T>): Promise<T> {
    const one = { about, since: performance.now() };
    this.#steps.add(one);
    try {
      return await step();
    } finally {
      this.#steps.delete(one);
    }
  }

  /** The longest-running first. */
  all(): StepAtWork[] {
    return [...this.#steps];
  }
}
