import type { Scope } from './ami.ts';
import type { Principal } from './access.ts';
import type { PermissionState } from './permissions.ts';
import type { Policy } from './policy.ts';

/** What the audit records: requests that would change something, and changes that were made or not made. */
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
  'hold-source',
  'release-source',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** `allowed` and `denied` are decisions about requests. `done`, `refused` and `failed` are results of the work. */
export const AUDIT_OUTCOMES = ['allowed', 'denied', 'done', 'refused', 'failed'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** One entry. What doesn't apply is `null`, or an empty list. */
export interface AuditEntry {
  action: AuditAction;
  outcome: AuditOutcome;
  principal: string;
  /** The id of the key or token, never the key or token itself. The worker has none: it acts for the principal of the job. */
  credential: string | null;
  policyVersion: string | null;
  jobId: string | null;
  image: ({ imageId: string } & Scope) | null;
  /** What was requested. */
  what: object | null;
  before: PermissionState | null;
  after: PermissionState | null;
  /** Why it was denied, refused, or failed. */
  reasons: readonly string[];
  /** The request ids of the calls that changed something. */
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

/** An entry. Each field that is not given is left empty. */
export function auditEntry(
  entry: Pick<AuditEntry, 'action' | 'outcome' | 'principal'> & Partial<AuditEntry>,
): AuditEntry {
  return { ...NOTHING, ...entry };
}

/** The fields that name the principal, for an entry about a request. */
export function byPrincipal({ id, credential }: Principal, policy: Policy | null) {
  return { principal: id, credential, policyVersion: policy?.version ?? null };
}

/** How many items of a list the entry of a denied request keeps. Nothing was changed, and a caller may send many items. */
const MOST_NAMED = 50;

/** What a denied request asked for, with its long lists cut off. */
export function shortened(what: object): object {
  const cut = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (!Array.isArray(value)) return shortened(value);
    const more = value.length - MOST_NAMED;
    return more > 0 ? [...value.slice(0, MOST_NAMED), `and ${more} more`] : value;
  };
  return Object.fromEntries(Object.entries(what).map(([name, value]) => [name, cut(value)]));
}

/** The port that entries are written to. */
export interface Audit {
  /** Never rejects: an entry that can't be written to Redis is still in the log. */
  record(entry: AuditEntry): Promise<void>;
  /** Only logs an entry, because a write of the store already keeps it. */
  log(entry: AuditEntry): void;
}
