import type { Bar } from './benchmark.ts';
import type { Spread } from './statistics.ts';

const SIGNIFICANT = 3;

/** A number as a person reads it: three significant digits, thousands set apart. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(SIGNIFICANT)));
}

/** Median and spread in one cell: `12 (10–15)`. */
export function cell({ median, low, high, runs }: Spread): string {
  return runs === 1 ? figure(median) : `${figure(median)} (${figure(low)}–${figure(high)})`;
}

/** A bar with the spread of its runs. */
export function bar(label: string, side: Bar['side'], { median, low, high }: Spread): Bar {
  return { label, side, value: median, low, high };
}

/** Megabytes of so many bytes. */
export function megabytes(bytes: number): number {
  return bytes / 1e6;
}
