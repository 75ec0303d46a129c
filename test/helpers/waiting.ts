import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The longest wait of a test before it fails, milliseconds. It only bounds a wait that would never end: no test requires speed.
 * `TEST_PATIENCE_SECONDS` changes it for slower machines.
 */
export const PATIENCE = Number(process.env['TEST_PATIENCE_SECONDS'] ?? 60) * 1000;

/** The first and the longest interval between two checks of a condition, milliseconds. */
const BETWEEN_CHECKS = { first: 10, most: 100 };

/** The interval as a part of the time waited so far: a long wait leaves CPU time to the work it waits for. */
const SHARE = 0.1;

/**
 * Polls a condition until it holds, for changes in another process or connection that send no event.
 * @param patience milliseconds; only the fault harness sets it, since its conditions may never hold
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

/** Gives other processes and connections CPU time between two checks of a condition. */
export function pause(milliseconds = BETWEEN_CHECKS.first): Promise<void> {
  return sleep(milliseconds);
}
