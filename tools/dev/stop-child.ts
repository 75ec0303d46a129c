import type { ChildProcess } from 'node:child_process';

/** Sends SIGTERM to a child, and SIGKILL after `patience` milliseconds. Resolves once it has ended. */
export async function stopChild(child: ChildProcess, patience: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), patience);
  await ended;
  clearTimeout(timer);
}
