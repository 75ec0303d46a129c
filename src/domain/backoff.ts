/** Milliseconds: the first wait at most, and every wait at most. */
const BASE = 500;
const CAP = 20_000;

/**
 * How long to wait before the `tries`-th repeat (from 1): anything up to an exponentially growing bound ("full
 * jitter"), so that those who were turned away together don't come back together.
 */
export function backoff(tries: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(CAP, BASE * 2 ** Math.min(tries, 16)));
}
