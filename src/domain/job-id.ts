import { randomBytes } from 'node:crypto';
import { formatUuid } from './idempotency.ts';

/** The form of a job's id: a UUID. */
export const JOB_ID_PATTERN = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';

/**
 * A new UUID of version 7 (RFC 9562, section 5.7): its first 48 bits are the time, so that ids sort as they were made.
 * @param now epoch milliseconds
 */
export function newJobId(now: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return formatUuid(bytes);
}
