import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long a test waits for anything before it fails, milliseconds. It only bounds a wait that would never end: no test
 * expects anything to be fast. `TEST_PATIENCE_SECONDS` changes it for a machine that is slower still.
 */
export const PATIENCE = Number(process.env['TEST_PATIENCE_SECONDS'] ?? 60) * 1000;

/** Milliseconds from one check of a condition that no event announces to the next: at first, and at most. */
const BETWEEN_CHECKS = { first: 10, most: 100 };

/** What the time between two checks is of the time waited so far: a long wait leaves the processor to what it waits for. */
const SHARE = 0.1;

/**
 * Polls a condition until it holds: for what happens in another process or connection, and announces itself nowhere.
 * @param patience milliseconds; only the fault harness sets it, where what it waits for may never come
 * @throws after `patience`
 */
export async function until(holds: () => boolean | Promise<boolean>, patience = PATIENCE): Promise<void> {
  const start = performance.now();
  while (!(await holds())) {
    const waited = performance.now() - start;
    if (waited > patience) throw new Error(`Not within ${patience} ms: ${holds.toString()}`);
    await pause(Math.min(Math.max(waited * SHARE, BETWEEN_CHECKS.first), BETWEEN_CHECKS.most));
  }
}

/** Gives other processes and connections time between two checks of a condition. It says nothing about what has happened then. */
export function pause(milliseconds = BETWEEN_CHECKS.first): Promise<void> {
  return sleep(milliseconds);
}
