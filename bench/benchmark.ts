import type { Unwind } from '../tools/dev/unwind.ts';

/** How much is measured: `quick` shows that all works, `full` gives figures to quote. */
export type Mode = 'quick' | 'full';

/** What a benchmark works with. */
export interface Bench {
  mode: Mode;
  /** Whatever it starts is added here, and stopped once it has measured, however that ended. */
  unwind: Unwind;
  /** A directory of its own, for logs and for Redis' files. */
  dir: string;
  /** Tells whoever waits what goes on. */
  say(what: string): void;
}

/** One question about the service's speed or weight, and how it is answered. benchmarks/index.ts lists all. */
export interface Benchmark {
  /** Names it on the command line and in file names. */
  name: string;
  title: string;
  /** What its figures tell, and against what they are held. */
  question: string;
  measure(bench: Bench): Promise<Finding>;
}

/** What was found, as it is printed, drawn and kept: plain JSON. */
export interface Finding {
  tables: Table[];
  plots: Plot[];
  goals: Goal[];
  /** How it was measured, and what was computed instead; a paragraph each. */
  method: string[];
}

export interface Table {
  title: string;
  columns: string[];
  /** Cells that were computed and not measured end with {@link COMPUTED}. */
  rows: string[][];
}

/** Horizontal bars. A bar with `low` and `high` shows the spread between its runs. */
export interface Plot {
  name: string;
  title: string;
  unit: string;
  /** For values that are powers of ten apart. */
  logarithmic?: boolean;
  bars: Bar[];
}

export interface Bar {
  label: string;
  value: number;
  low?: number;
  high?: number;
  /** `ours` is drawn in the strong colour. */
  side: 'ours' | 'other';
}

/** What was aimed at, and what it came to. */
export interface Goal {
  what: string;
  aim: string;
  measured: string;
  met: boolean;
}

/** Marks a figure that comes from arithmetic. */
export const COMPUTED = '†';
