/**
 * When pending copies are polled next. Nobody knows how long EC2 takes for a copy, so what is young is polled often
 * and what is old more rarely: a copy of an hour that is noticed half a minute late is no worse than one of a minute that
 * is noticed a second late. Where its progress tells when it will be over, it is polled more often around that time.
 * Pure; all times in milliseconds.
 */

/** The bounds of the time between two polls. */
export interface PollInterval {
  shortest: number;
  longest: number;
}

/** What is known of a pending copy. `expectedAt`: when it will be over if it goes on as it did, `null` while nothing tells. */
interface Pending {
  startedAt: number;
  expectedAt: number | null;
}

/** The longest time between two polls is so many of the shortest, … */
const LONGEST = 6;
/** … and not more than the last delays of the SDK's own waiter (waitUntilImageAvailable, maxDelay), unless the shortest is. */
const WAITERS = 120_000;

/** A copy is polled again after this part of its age, … */
const OF_AGE = 1 / 4;
/** … or after this part of the time to its expected end, or since then. */
const OF_DISTANCE = 1 / 2;

/** Progress is worth one call in this part of a copy's age, but not at every poll. */
const PROGRESS_OF_AGE = 1 / 2;
const PROGRESS_POLLS = 2;

/** The interval of polls that are so far apart at least, milliseconds. */
export function pollIntervalFrom(shortest: number): PollInterval {
  return { shortest, longest: Math.max(shortest, Math.min(shortest * LONGEST, WAITERS)) };
}

/** The interval of polls that are always so far apart, milliseconds. */
export function steadyPollInterval(interval: number): PollInterval {
  return { shortest: interval, longest: interval };
}

/** When to poll some copies again that have been polled just now: as soon as the first of them asks for. */
export function nextPoll(copies: readonly Pending[], now: number, pollInterval: PollInterval): number {
  return now + Math.min(pollInterval.longest, ...copies.map((copy) => interval(copy, now, pollInterval)));
}

function interval({ startedAt, expectedAt }: Pending, now: number, pollInterval: PollInterval): number {
  const byAge = (now - startedAt) * OF_AGE;
  const byEnd = expectedAt === null ? byAge : Math.abs(expectedAt - now) * OF_DISTANCE;
  return within(pollInterval, Math.min(byAge, byEnd));
}

/**
 * How long the progress of some copies need not be asked for again, where asking for it takes so many calls. The more
 * it takes the rarer it is: what progress costs in a region does not grow with the copies there.
 */
export function progressInterval(
  copies: readonly Pending[],
  now: number,
  { shortest, longest }: PollInterval,
  calls: number,
): number {
  const youngest = Math.min(...copies.map(({ startedAt }) => now - startedAt));
  const bounds = { shortest: Math.min(shortest * PROGRESS_POLLS, longest), longest };
  return within(bounds, youngest * PROGRESS_OF_AGE) * calls;
}

function within({ shortest, longest }: PollInterval, time: number): number {
  return Math.min(longest, Math.max(shortest, time));
}
