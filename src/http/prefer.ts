/** The longest time for which an answer is held, seconds. */
export const MAX_WAIT_SECONDS = 30;

/**
 * Reads the seconds of `wait` in a Prefer header (RFC 7240, sections 2 and 4.3), at most {@link MAX_WAIT_SECONDS}; `null`
 * without that preference. As the RFC requires, the first one counts, and invalid ones are ignored.
 */
export function preferredWait(header: string | string[] | undefined): number | null {
  const preferences = [header ?? []].flat().flatMap((line) => line.split(','));
  const wait = preferences.find((one) => /^\s*wait\s*(?:[=;]|$)/i.test(one));
  const seconds = /^\s*wait\s*=\s*(?:(\d{1,9})|"(\d{1,9})")\s*(?:;|$)/i.exec(wait ?? '');
  if (seconds === null) return null;
  return Math.min(Number(seconds[1] ?? seconds[2]), MAX_WAIT_SECONDS);
}
