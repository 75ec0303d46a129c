import type { Reporter, TestModule } from 'vitest/node';

/** Milliseconds between two lines. */
const EVERY = 15_000;

/**
 * Prints the progress of the suite at intervals if the output is a file or a pipe, since a long test file prints nothing until its
 * end. On a terminal vitest shows it itself.
 */
export default class ProgressReporter implements Reporter {
  #files = 0;
  #ended = 0;
  #passed = 0;
  #failed = 0;
  #began = performance.now();
  #timer: NodeJS.Timeout | undefined;

  onTestRunStart(specifications: readonly unknown[]): void {
    this.#files = specifications.length;
    this.#began = performance.now();
    if (process.stdout.isTTY) return;
    this.#say(`running ${this.#files} test files`);
    this.#timer = setInterval(() => this.#say(this.#progress()), EVERY);
  }

  onTestModuleEnd(module: TestModule): void {
    this.#ended += 1;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') this.#passed += 1;
      if (state === 'failed') this.#failed += 1;
    }
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
  }

  #progress(): string {
    const seconds = Math.round((performance.now() - this.#began) / 1000);
    return `${seconds} s: ${this.#ended} of ${this.#files} test files done, ${this.#passed} tests passed, ${this.#failed} failed`;
  }

  #say(text: string): void {
    process.stdout.write(` … ${text}\n`);
  }
}
