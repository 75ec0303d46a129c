import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Unwind } from '../tools/dev/unwind.ts';
import type { Benchmark, Mode } from './benchmark.ts';
import type { Result } from './report/results.ts';
import { machine } from './report/results.ts';

let cleanUp = async () => {};

/** Stops all that the benchmark under way has started. */
export function stopRunning(): Promise<void> {
  return cleanUp();
}

/** Runs one benchmark to its end and stops all that it started. `say` hears what goes on. */
export async function runBenchmark(
  benchmark: Benchmark,
  mode: Mode,
  say: (what: string) => void,
): Promise<Result> {
  const began = performance.now();
  const dir = mkdtempSync(join(tmpdir(), `amiferry-bench-${benchmark.name}-`));
  const unwind = new Unwind((phase, error) => say(`${phase} did not stop: ${String(error)}`));
  cleanUp = async () => {
    await unwind.run();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const finding = await benchmark.measure({ mode, unwind, dir, say });
    const seconds = Math.round((performance.now() - began) / 1000);
    return { finding, mode, day: new Date().toISOString().slice(0, 10), machine: machine(), seconds };
  } finally {
    await cleanUp();
  }
}
