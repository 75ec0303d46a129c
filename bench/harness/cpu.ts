import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

/** Linux counts a process's time in hundredths of a second. */
const TICK = 10;

/** Milliseconds of CPU that a process has used so far, on its own behalf and the system's. Linux only. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything. utime and stime are the 12th and 13th field after it.
  const [utime = 0, stime = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (utime + stime) * TICK;
}

/** The same of Redis' server, by itself: to the microsecond. */
export async function redisCpuMs(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  const seconds = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1000;
}
