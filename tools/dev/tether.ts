import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';

const END = 'read -r _; kill -TERM "$0" && sleep 3 && kill -KILL "$0"';

/**
 * Ends a child when this process ends, however it ends: not even kill -9 on us leaves it behind. A small shell waits
 * on a pipe that only we hold open; the kernel closes it with us, and the shell then sends SIGTERM, and SIGKILL three
 * seconds later: with everything going at once, parts may wait for each other.
 */
export function tether(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const watch = spawn('sh', ['-c', END, String(child.pid)], {
    // Out of reach of Ctrl-C, which goes to the whole foreground group.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watch.on('error', () => {});
  watch.stdin.on('error', () => {});
  watch.unref();
  if (watch.stdin instanceof Socket) watch.stdin.unref();
  child.once('exit', () => watch.kill('SIGKILL'));
}
