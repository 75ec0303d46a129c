import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';

const END = 'read -r _; kill -TERM "$0" && sleep 3 && kill -KILL "$0"';

/**
 * Ends a child when this process ends in any way, even by SIGKILL. A small shell waits on a pipe that only this process holds open.
 * When the process ends, the kernel closes the pipe, and the shell sends SIGTERM, and SIGKILL three seconds later, since parts that
 * end at the same time may wait for each other.
 */
export function tether(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const watch = spawn('sh', ['-c', END, String(child.pid)], {
    // In another process group than the foreground one, which gets Ctrl-C.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watch.on('error', () => {});
  watch.stdin.on('error', () => {});
  watch.unref();
  if (watch.stdin instanceof Socket) watch.stdin.unref();
  child.once('exit', () => watch.kill('SIGKILL'));
}
