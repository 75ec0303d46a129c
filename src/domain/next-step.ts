import type { Destination } from './job.ts';
import { isFinished } from './job.ts';

/** The worker steps that move one destination. */
export type DestinationStep = 'start-copy' | 'finish-copy' | 'remove-copy';

/**
 * What a destination waits for, read off its record alone: commands and the sweeper both wake up just this.
 * `null` where nothing of its own is due: finished, or in the hands of its region's tracking (pending, waiting).
 */
export function nextStep(destination: Destination): DestinationStep | null {
  if (isFinished(destination)) return null;
  if (destination.stopping !== null) return 'remove-copy';
  if (destination.state === 'queued') return 'start-copy';
  if (destination.state === 'available') return 'finish-copy';
  return null;
}
