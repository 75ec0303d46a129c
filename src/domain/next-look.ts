/**
 * When pending copies are looked at next. Nobody knows how long EC2 takes for a copy, so what is young is looked at often
 * and what is old more rarely: a copy of an hour that is noticed half a minute late is no worse than one of a minute that
 * is noticed a second late. Where its progress tells when it will be over, it is looked at more often around that time.
 * Pure; all times in milliseconds.
 */

/** The bounds of the time between two looks. */
export interface Pace {
  shortest: number;
  longest: number;
}

/** What is known of a pending copy. `expectedAt`: when it will be over if it goes on as it did, `null` while nothing tells. */
interface Pending {
  startedAt: number;
  expectedAt: number | null;
}

/** The longest time between two looks is so many of the shortest, … */
const LONGEST = 6;
/** … and not more than the last delays of the SDK's own waiter (waitUntilImageAvailable, maxDelay), unless the shortest is. */
const WAITERS = 120_000;

/** A copy is looked at again after this part of its age, … */
const OF_AGE = 1 / 4;
/** … or after this part of the time to its expected end, or since then. */
const OF_DISTANCE = 1 / 2;

/** Progress is worth one call in this part of a copy's age, but not at every look. */
const PROGRESS_OF_AGE = 1 / 2;
const PROGRESS_LOOKS = 2;

/** The pace whose looks are so far apart at least. */
export function paceFrom(shortest: number): Pace {
  return { shortest, longest: Math.max(shortest, Math.min(shortest * LONGEST, WAITERS)) };
}

/** The pace whose looks are always so far apart. */
export function steadyPace(interval: number): Pace {
  return { shortest: interval, longest: interval };
}

/** When to look at some copies again that have been looked at just now: as soon as the first of them asks for. */
export function nextLook(copies: readonly Pending[], now: number, pace: Pace): number {
  return now + Math.min(pace.longest, ...copies.map((copy) => interval(copy, now, pace)));
}

function interval({ startedAt, expectedAt }: Pending, now: number, pace: Pace): number {
  const byAge = (now - startedAt) * OF_AGE;
  const byEnd = expectedAt === null ? byAge : Math.abs(expectedAt - now) * OF_DISTANCE;
  return within(pace, Math.min(byAge, byEnd));
}

/**
 * How long the progress of some copies need not be asked for again, where asking for it takes so many calls. The more
 * it takes the rarer it is: what progress costs in a region does not grow with the copies there.
 */
export function progressInterval(
  copies: readonly Pending[],
  now: number,
  { shortest, longest }: Pace,
  calls: number,
): number {
  const youngest = Math.min(...copies.map(({ startedAt }) => now - startedAt));
  const bounds = { shortest: Math.min(shortest * PROGRESS_LOOKS, longest), longest };
  return within(bounds, youngest * PROGRESS_OF_AGE) * calls;
}

function within({ shortest, longest }: Pace, time: number): number {
  return Math.min(longest, Math.max(shortest, time));
}
