import { randomUUID } from 'node:crypto';

/** The form of a job's id: a UUID. */
export const JOB_ID_PATTERN = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';

/**
 * A new UUID of version 7 (RFC 9562, section 5.7). Its first 48 bits are the time, so that ids sort by creation.
 * The other bits are those of a UUID of version 4, which Node takes from a pool of random numbers.
 * @param now epoch milliseconds
 */
export function newJobId(now: number): string {
  const time = now.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
