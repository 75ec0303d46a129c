import { setTimeout as sleep } from 'node:timers/promises';

/** Whether a process of that id runs (a zombie counts: its parent has not heard of its end). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Polls a condition until it holds. @throws after `timeout` milliseconds. */
export async function until(holds: () => boolean | Promise<boolean>, timeout = 10_000): Promise<void> {
  const deadline = Date.now() + timeout;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeout} ms: ${holds.toString()}`);
    await sleep(20);
  }
}
