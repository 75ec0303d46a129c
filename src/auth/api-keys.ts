import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { AccessScope, Principal } from '../domain/access.ts';
import { ACCESS_SCOPES } from '../domain/access.ts';
import { CheckedFile, parseChecked } from '../checked-file.ts';

/** The key of name N belongs to the principal `key:N`. Several keys of one name are one principal, so that keys can be rotated. */
export const KEY_NAME_PATTERN = '^[A-Za-z0-9._-]{1,64}$';

/** A key as the file has it: its hash, never the key itself. Times in ISO 8601. */
const ApiKey = Type.Object(
  {
    id: Type.String({ pattern: '^[0-9a-f]{12}$' }),
    name: Type.String({ pattern: KEY_NAME_PATTERN }),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    scopes: Type.Array(Type.Unsafe<AccessScope>({ type: 'string', enum: [...ACCESS_SCOPES] })),
    createdAt: Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$' }),
    expiresAt: Type.Union([Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$' }), Type.Null()]),
  },
  { additionalProperties: false },
);
export type ApiKey = Static<typeof ApiKey>;

const ApiKeys = Type.Object({ keys: Type.Array(ApiKey) }, { additionalProperties: false });

/** `amiferry_<id>_<256 random bits>`: secret scanners find the prefix; logs and audit contain the id. */
const KEY_FORM = /^amiferry_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** Makes a key. `secret` is the key itself, which is shown once and never stored. */
export function newApiKey(
  name: string,
  scopes: readonly AccessScope[],
  expiresAt: Date | null,
): { secret: string; key: ApiKey } {
  const id = randomBytes(6).toString('hex');
  const secret = `amiferry_${id}_${randomBytes(32).toString('base64url')}`;
  const key = {
    id,
    name,
    sha256: hash(secret).toString('hex'),
    scopes: [...scopes],
    createdAt: new Date().toISOString(),
    expiresAt: expiresAt === null ? null : expiresAt.toISOString(),
  };
  return { secret, key };
}

/** @throws an error that says what is wrong with the text, and quotes only ids of it */
export function parseApiKeys(text: string): ApiKey[] {
  const { keys } = parseChecked(ApiKeys, text);
  const ids = new Set<string>();
  const twice = keys.find(({ id }) => ids.size === ids.add(id).size)?.id;
  // Only the first of two keys with one id would be used, and removing that one would activate the other.
  if (twice !== undefined) throw new Error(`the key ${twice} occurs twice`);
  return keys;
}

/**
 * Makes a key that replaces another: the same name, scopes and lifetime. The old one stays valid for a while, so that clients
 * can change to the new one. @param now epoch milliseconds @param keepMs the longest time the old one stays valid
 */
export function rotated(
  old: ApiKey,
  now: number,
  keepMs: number,
): { secret: string; key: ApiKey; old: ApiKey } {
  const life = old.expiresAt === null ? null : Date.parse(old.expiresAt) - Date.parse(old.createdAt);
  const made = newApiKey(old.name, old.scopes, life === null ? null : new Date(now + life));
  const end = Math.min(old.expiresAt === null ? Infinity : Date.parse(old.expiresAt), now + keepMs);
  return { ...made, old: { ...old, expiresAt: new Date(end).toISOString() } };
}

/** Loads the file of keys. @throws {ConfigError} if it can't be read or is invalid */
export function openApiKeyFile(path: string): CheckedFile<ApiKey[]> {
  return new CheckedFile('API_KEYS_FILE', path, parseApiKeys);
}

/** A hash of no key. It is compared if the id is unknown, so that the time taken does not reveal whether an id exists. */
const NO_HASH = Buffer.alloc(32);

/** Finds the principal of a key; `null` if the key is unknown, wrong or expired. @param now epoch milliseconds */
export function principalOfKey(keys: readonly ApiKey[], secret: string, now: number): Principal | null {
  const [, id] = KEY_FORM.exec(secret) ?? [];
  const key = keys.find((one) => one.id === id);
  const matches = timingSafeEqual(hash(secret), key === undefined ? NO_HASH : Buffer.from(key.sha256, 'hex'));
  if (key === undefined || !matches) return null;
  const expiresAt = key.expiresAt === null ? null : Date.parse(key.expiresAt);
  if (expiresAt !== null && !(expiresAt > now)) return null;
  return { id: `key:${key.name}`, credential: `key ${key.id}`, scopes: new Set(key.scopes), expiresAt };
}

/** A key has 256 random bits and can't be guessed, so no slow hash is needed. */
function hash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
