import { createHash, randomBytes, randomUUID } from 'node:crypto';

/** Makes an id in EC2's long form: a prefix and 17 hex digits. */
export function newId(prefix: 'ami' | 'snap'): string {
  return `${prefix}-${randomBytes(9).toString('hex').slice(0, 17)}`;
}

export function newRequestId(): string {
  return randomUUID();
}

/** Derives a UUID from text, so that a seeded key has the same id at every start. */
export function uuidOf(...words: string[]): string {
  const hex = createHash('sha256').update(words.join('/')).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
