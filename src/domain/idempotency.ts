import { createHash } from 'node:crypto';

/** At most this many characters in a key (draft-ietf-httpapi-idempotency-key-header sets no limit; ours is documented). */
export const MAX_KEY_LENGTH = 255;

/**
 * The key in an Idempotency-Key header: a quoted string, as structured fields write it ("8e03978e"), or the bare key that most
 * clients send.
 * @returns `null` where it is neither, or is too long
 */
export function parseIdempotencyKey(header: string): string | null {
  const key =
    /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/.exec(header)?.[1]?.replace(/\\(["\\])/g, '$1') ??
    header;
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(key) && key.length <= MAX_KEY_LENGTH ? key : null;
}

/** Identifies a request by its method, URL and body: two requests with the same fingerprint are the same request. */
export function fingerprint(method: string, url: string, body: unknown): string {
  return hash(method, url, JSON.stringify(body) ?? '').toString('hex');
}

/** A key belongs to its caller: two callers may use the same key. */
export function scopedKey(principal: string, key: string): string {
  return hash(principal, key).toString('hex');
}

/**
 * The id of the job that a request with a key makes. Within one period the same key gives the same id, and with it the same
 * ClientTokens: a request that is repeated after Redis lost the record makes no second AMI. Images carry the id for good. A key
 * that is sent again after it expired therefore gives another id, even if the job has been deleted.
 * A UUID of version 8 (RFC 9562, section 5.8).
 * @param period the number of the period in which the job is made; a period is as long as a key is valid
 */
export function jobIdOf(principal: string, key: string, period: number): string {
  const bytes = hash(principal, key, 'job', String(period)).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return formatUuid(bytes);
}

/** 16 bytes as a UUID. */
export function formatUuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function hash(...parts: string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}
