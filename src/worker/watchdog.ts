import type { Logger } from '../logging.ts';
import type { StepProducer } from '../queue/producer.ts';

/** How often it looks, as a part of the time after which it gives up. */
const LOOKS = 6;

/** Whether a worker takes steps off the queue, as its own watchdog sees it. */
export interface Watchdog {
  wedged(): boolean;
  stop(): void;
}

/**
 * Watches for a worker that has lost its way: steps wait and nobody does any, for so long (milliseconds). It says so in
 * the log and in the worker's health, and calls `giveUp`, for a supervisor to start it again. With Redis away it knows
 * nothing, and starts anew when it is back.
 */
export function watchQueue(
  producer: Pick<StepProducer, 'counts'>,
  logger: Logger,
  patience: number,
  giveUp: () => unknown,
): Watchdog {
  let since: number | null = null;
  let wedged = false;
  const look = async () => {
    const { waiting, active } = await producer.counts();
    if (waiting === 0 || active > 0) since = null;
    else since ??= performance.now();
    if (since === null || performance.now() - since < patience || wedged) return;
    wedged = true;
    logger.fatal(
      { waiting, seconds: patience / 1000 },
      'steps wait and none is done: this worker is wedged and exits',
    );
    giveUp();
  };
  const timer = setInterval(() => {
    look().catch(() => {
      since = null;
    });
  }, patience / LOOKS);
  return { wedged: () => wedged, stop: () => clearInterval(timer) };
}
