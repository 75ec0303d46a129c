import { parseArgs } from 'node:util';
import type { Benchmark, Mode } from './benchmark.ts';

export interface Options {
  mode: Mode;
  benchmarks: readonly Benchmark[];
  /** Directory of the page; without it docs for a full run, .amiferry/bench for a quick one. */
  out: string | undefined;
}

/** Reads the command line; what it doesn't understand ends the process with a line that says so. */
export function readOptions(args: string[], all: readonly Benchmark[]): Options {
  try {
    const { values } = parseArgs({
      args,
      options: { quick: { type: 'boolean' }, only: { type: 'string' }, out: { type: 'string' } },
    });
    const benchmarks = values.only === undefined ? all : chosen(values.only.split(','), all);
    return { mode: values.quick === true ? 'quick' : 'full', benchmarks, out: values.out };
  } catch (error) {
    const names = all.map(({ name }) => name).join(',');
    process.stderr.write(
      `${error instanceof Error ? error.message : String(error)}\nnpm run bench -- [--quick] [--only ${names}] [--out directory]\n`,
    );
    process.exit(2);
  }
}

function chosen(names: readonly string[], all: readonly Benchmark[]): Benchmark[] {
  return names.map((name) => {
    const found = all.find((benchmark) => benchmark.name === name);
    if (found === undefined) throw new Error(`There is no benchmark "${name}"`);
    return found;
  });
}
