import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { liveBytes } from '../../test/faults/stack/live-heap.ts';
import { median } from '../statistics.ts';
import type { Child } from './child.ts';

/** Bytes of memory that a process holds now (RSS). Linux only. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** The median of that over some seconds, since a collection of garbage may fall anywhere. */
export async function settledBytes(pids: readonly number[], seconds: number): Promise<number[]> {
  const samples: number[][] = [];
  for (let i = 0; i < seconds * 5; i += 1) {
    samples.push(pids.map(residentBytes));
    await sleep(200);
  }
  return pids.map((_, at) => median(samples.map((sample) => sample[at] ?? Number.NaN)));
}

const COLLECTIONS = 5;

/**
 * Bytes that a process holds once all garbage is collected: the median of some collections, since one may fall into the
 * middle of work. The process was started to be inspected (INSPECTABLE).
 */
export async function heldBytes(child: Child): Promise<number> {
  const [, url = ''] = /^Debugger listening on (ws:\S+)/m.exec(child.written()) ?? [];
  const samples: number[] = [];
  for (let i = 0; i < COLLECTIONS; i += 1) {
    samples.push(await liveBytes(url));
    await sleep(200);
  }
  return median(samples);
}
