import type { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallCounts } from './ledger.ts';

/** Milliseconds that MONITOR's last lines may take to come in. */
const LATE = 100;

/**
 * The commands that clients sent to Redis while something ran. Those that a script ran inside Redis are not counted:
 * they cost no round trip.
 */
export async function clientCommands(redis: Redis, run: () => Promise<void>): Promise<CallCounts> {
  const counts: CallCounts = {};
  const monitor = await redis.monitor();
  monitor.on('monitor', (_time: string, [command = '']: string[], source: string) => {
    if (source === 'lua') return;
    const name = command.toUpperCase();
    counts[name] = (counts[name] ?? 0) + 1;
  });
  await run();
  await sleep(LATE);
  monitor.disconnect();
  return counts;
}
