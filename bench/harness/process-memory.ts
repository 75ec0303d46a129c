import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../statistics.ts';

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
