import type { Logger } from '../logging/logging.ts';
import type { StepProducer } from '../queue/producer.ts';
import type { StepAtWork, StepsAtWork } from './steps-at-work.ts';

/** How often it checks, as a part of the time after which it gives up. */
const CHECKS = 6;

/**
 * A step that runs longer than this many times the patience with waiting steps counts as one that never ends, since each of its
 * calls has a deadline.
 */
const ENDLESS = 10;

/**
 * The same for the poll of a region, which delays every copy there: this many times the patience, or at least this many poll
 * intervals.
 */
const ENDLESS_POLL = 2;
const POLL_INTERVALS = 24;

/** Whether a worker takes steps off the queue and ends them, as its own watchdog measures it. */
export interface Watchdog {
  wedged(): boolean;
  stop(): void;
}

interface Watched {
  producer: Pick<StepProducer, 'counts'>;
  stepsAtWork: Pick<StepsAtWork, 'all'>;
  logger: Logger;
}

/** Milliseconds. */
interface Bounds {
  /** The patience: for how long steps may wait while no worker runs any. */
  patience: number;
  /** The shortest interval of polls. */
  pollMs: number;
}

/**
 * Detects a worker that is wedged: steps wait and no worker runs any for the patience, or a step of this worker does not end.
 * The watchdog logs it, reports it in the worker's health, and calls `giveUp`, so that a supervisor restarts the process and
 * another worker takes over its steps. While Redis is away the queue can't be read, and the time starts anew afterwards.
 */
export function watchWorker(
  { producer, stepsAtWork, logger }: Watched,
  bounds: Bounds,
  giveUp: () => unknown,
): Watchdog {
  const { patience } = bounds;
  let since: number | null = null;
  let wedged = false;
  const say = (about: object, message: string) => {
    logger.fatal(about, message);
    if (!wedged) giveUp();
    wedged = true;
  };
  const checkSteps = () => {
    for (const { about, since: began } of endless(stepsAtWork.all(), bounds)) {
      const seconds = Math.round((performance.now() - began) / 1000);
      say({ ...about, seconds }, 'a step does not end: this worker is wedged and exits');
    }
  };
  const checkQueue = async () => {
    const { waiting, active } = await producer.counts();
    if (waiting === 0 || active > 0) since = null;
    else since ??= performance.now();
    if (since === null || performance.now() - since < patience || wedged) return;
    say(
      { waiting, seconds: patience / 1000 },
      'steps wait and none is done: this worker is wedged and exits',
    );
  };
  const timer = setInterval(() => {
    if (!wedged) checkSteps();
    checkQueue().catch(() => {
      since = null;
    });
  }, patience / CHECKS);
  return { wedged: () => wedged, stop: () => clearInterval(timer) };
}

function endless(steps: readonly StepAtWork[], { patience, pollMs }: Bounds): StepAtWork[] {
  const limitOf = ({ about }: StepAtWork) =>
    about.step === 'track-region'
      ? Math.max(ENDLESS_POLL * patience, POLL_INTERVALS * pollMs)
      : ENDLESS * patience;
  return steps.filter((one) => performance.now() - one.since >= limitOf(one));
}
