import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Finding, Mode } from '../benchmark.ts';

/** A finding with when, where and how it was made. */
export interface Result {
  finding: Finding;
  mode: Mode;
  /** The day, ISO 8601. */
  day: string;
  machine: string;
  seconds: number;
}

/** The newest result of each benchmark, by its name. */
export type Results = Record<string, Result>;

const FILE = 'results.json';

/** What earlier runs left there. */
export function readResults(dir: string): Results {
  const file = join(dir, FILE);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

export function writeResults(dir: string, results: Results): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, FILE), `${JSON.stringify(results, null, 1)}\n`);
}

/** The machine in a few words. */
export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const gigabytes = Math.round(totalmem() / 1e9);
  return `${availableParallelism()} cores (${model}), ${gigabytes} GB, ${process.platform}, Node ${process.versions.node}`;
}
