/**
 * When pending copies are polled next. EC2 does not say how long a copy takes, so a young copy is polled often and an old one
 * rarely: half a minute of delay matters as little after an hour as a second does after a minute. Where the progress gives an
 * expected end, the copy is polled more often around that time.
 * Pure; all times in milliseconds.
 */

/** The bounds of the time between two polls. */
export interface PollInterval {
  shortest: number;
  longest: number;
}

/** What is known of a pending copy. `expectedAt`: its expected end at its progress so far, `null` while that is unknown. */
interface Pending {
  startedAt: number;
  expectedAt: number | null;
}

/** The longest interval is this many times the shortest, … */
const LONGEST = 6;
/**
 * … and at most the longest delay of the SDK's own waiter (waitUntilImageAvailable, maxDelay), unless the shortest interval is
 * longer.
 */
const WAITERS = 120_000;

/** The next poll of a copy comes after this part of its age, … */
const OF_AGE = 1 / 4;
/** … or after this part of the time until its expected end, or since then. */
const OF_DISTANCE = 1 / 2;

/** Progress may cost one call in this part of a copy's age, and not a call at every poll. */
const PROGRESS_OF_AGE = 1 / 2;
const PROGRESS_POLLS = 2;

/** The interval between polls whose shortest interval is given, milliseconds. */
export function pollIntervalFrom(shortest: number): PollInterval {
  return { shortest, longest: Math.max(shortest, Math.min(shortest * LONGEST, WAITERS)) };
}

/** A fixed interval between polls, milliseconds. */
export function steadyPollInterval(interval: number): PollInterval {
  return { shortest: interval, longest: interval };
}

/** The time of the next poll of copies that were just polled: the earliest that any of them needs. */
export function nextPoll(copies: readonly Pending[], now: number, pollInterval: PollInterval): number {
  return now + Math.min(pollInterval.longest, ...copies.map((copy) => interval(copy, now, pollInterval)));
}

function interval({ startedAt, expectedAt }: Pending, now: number, pollInterval: PollInterval): number {
  const byAge = (now - startedAt) * OF_AGE;
  const byEnd = expectedAt === null ? byAge : Math.abs(expectedAt - now) * OF_DISTANCE;
  return within(pollInterval, Math.min(byAge, byEnd));
}

/**
 * For how long the progress of some copies is not requested again, given how many calls one request takes. More calls mean a
 * longer time, so that the cost of progress in a region does not grow with the number of copies there.
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
