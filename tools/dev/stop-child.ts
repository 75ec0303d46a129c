import type { ChildProcess } from 'node:child_process';

/** Asks a child to end (SIGTERM), makes it end (SIGKILL) after `patience` milliseconds, and resolves once it has. */
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
