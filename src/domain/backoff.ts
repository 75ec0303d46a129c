/** Milliseconds: the upper bound of the first wait, and of every wait. */
const BASE = 500;
const CAP = 20_000;

/**
 * How long to wait before retry number `tries` (from 1). The wait is random below an exponentially growing bound ("full
 * jitter"), so that requests that were refused together are not repeated together.
 */
export function backoff(tries: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(CAP, BASE * 2 ** Math.min(tries, 16)));
}
