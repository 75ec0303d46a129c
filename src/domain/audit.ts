import type { Scope } from './ami.ts';
import type { Principal } from './access.ts';
import type { PermissionState } from './permissions.ts';
import type { Policy } from './policy.ts';

/** What the audit tells of: requests that would change something, and changes that were made or not made. */
export const AUDIT_ACTIONS = [
  'use-route',
  'request-copy',
  'change-permissions',
  'cancel-job',
  'retry-job',
  'redeliver',
  'open-queues',
  'share-image',
  'put-permissions-back',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** `allowed` and `denied` are decisions about requests; `done`, `refused` and `failed` are how the work went. */
export const AUDIT_OUTCOMES = ['allowed', 'denied', 'done', 'refused', 'failed'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** One entry. What doesn't apply is `null`, or an empty list. */
export interface AuditEntry {
  action: AuditAction;
  outcome: AuditOutcome;
  principal: string;
  /** Which key or token: its id, never itself. The worker has none: it acts for the principal that asked. */
  credential: string | null;
  policyVersion: string | null;
  jobId: string | null;
  image: ({ imageId: string } & Scope) | null;
  /** What was asked for. */
  what: object | null;
  before: PermissionState | null;
  after: PermissionState | null;
  /** Why it was denied, refused, or failed. */
  reasons: readonly string[];
  /** Of the calls that changed anything. */
  awsRequestIds: readonly string[];
}

const NOTHING = {
  credential: null,
  policyVersion: null,
  jobId: null,
  image: null,
  what: null,
  before: null,
  after: null,
  reasons: [],
  awsRequestIds: [],
} as const;

/** An entry with what is not named left empty. */
export function auditEntry(
  entry: Pick<AuditEntry, 'action' | 'outcome' | 'principal'> & Partial<AuditEntry>,
): AuditEntry {
  return { ...NOTHING, ...entry };
}

/** Who, for an entry about a request. */
export function byPrincipal({ id, credential }: Principal, policy: Policy | null) {
  return { principal: id, credential, policyVersion: policy?.version ?? null };
}

/** Items of a list that the entry of a denied request names: nothing came of it, and a caller may send many of them. */
const MOST_NAMED = 50;

/** What a denied request asked for, with its long lists cut. */
export function shortened(what: object): object {
  const cut = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (!Array.isArray(value)) return shortened(value);
    const more = value.length - MOST_NAMED;
    return more > 0 ? [...value.slice(0, MOST_NAMED), `and ${more} more`] : value;
  };
  return Object.fromEntries(Object.entries(what).map(([name, value]) => [name, cut(value)]));
}

/** Where entries go. */
export interface Audit {
  /** Never rejects: an entry that can't be kept in Redis is still in the log. */
  record(entry: AuditEntry): Promise<void>;
  /** The log line alone, of an entry that was kept together with a write of the store. */
  log(entry: AuditEntry): void;
}
