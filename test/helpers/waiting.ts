import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long a test waits for anything before it fails, milliseconds. It only bounds a wait that would never end: no test
 * expects anything to be fast. `TEST_PATIENCE_SECONDS` changes it for a machine that is slower still.
 */
export const PATIENCE = Number(process.env['TEST_PATIENCE_SECONDS'] ?? 60) * 1000;

/** Milliseconds between two checks of a condition that no event announces. */
const BETWEEN_CHECKS = 10;

/** The same, where a check is a request to another process, which is to have time for its own work between two of them. */
export const BETWEEN_REQUESTS = 100;

/**
 * Polls a condition until it holds: for what happens in another process or connection, and announces itself nowhere.
 * @param patience milliseconds; only the fault harness sets it, where what it waits for may never come
 * @param between milliseconds from one check to the next
 * @throws after `patience`
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  patience = PATIENCE,
  between = BETWEEN_CHECKS,
): Promise<void> {
  const deadline = performance.now() + patience;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Not within ${patience} ms: ${holds.toString()}`);
    await sleep(between);
  }
}

/** Gives other processes and connections time between two checks of a condition. It says nothing about what has happened then. */
export function pause(between = BETWEEN_CHECKS): Promise<void> {
  return sleep(between);
}
