/** What a log line says of a step: its name, and the job and destination, or the scope, that it is about. */
export type AboutStep = { step: string } & Record<string, unknown>;

/** A step that was begun here and has not ended. */
export interface StepAtWork {
  about: AboutStep;
  /** When it began, milliseconds of this process' clock that only goes forward. */
  since: number;
}

/** The steps that this worker has begun and not ended. */
export class StepsAtWork {
  readonly #steps = new Set<StepAtWork>();

  /** Runs a step, and knows of it until it has ended, whichever way. */
  async run<T>(about: AboutStep, step: () => Promise<T>): Promise<T> {
    const one = { about, since: performance.now() };
    this.#steps.add(one);
    try {
      return await step();
    } finally {
      this.#steps.delete(one);
    }
  }

  /** The longest at work first. */
  all(): StepAtWork[] {
    return [...this.#steps];
  }
}
