/** Who makes a request, and what their credentials let them do at all. What it may be done with is policy.ts. */

export const ACCESS_SCOPES = ['amis:read', 'amis:copy', 'amis:share', 'amis:publish', 'amis:admin'] as const;

/** What credentials are good for. No scope implies another. */
export type AccessScope = (typeof ACCESS_SCOPES)[number];

export function isAccessScope(word: string): word is AccessScope {
  return ACCESS_SCOPES.some((scope) => scope === word);
}

export interface Principal {
  /** `key:<name>` or `oidc:<subject>`, as the policy, jobs and the audit name them; the kinds never mix. */
  id: string;
  /** Which key or token it was, for the audit: never the secret itself. */
  credential: string | null;
  scopes: ReadonlySet<AccessScope>;
  /** When the credentials end by themselves, epoch milliseconds; `null`: never. */
  expiresAt: number | null;
}

/** The form of a principal's id: it becomes part of Redis keys and log lines. */
export const PRINCIPAL_ID_PATTERN = '^(?:anonymous|(?:key|oidc):[\\x21-\\x7e]{1,200})$';

/** Everybody, where the service is run without credentials. */
export const ANONYMOUS: Principal = {
  id: 'anonymous',
  credential: null,
  scopes: new Set(ACCESS_SCOPES),
  expiresAt: null,
};

/** Jobs are visible to the principal that asked for them, and to administrators. */
export function isVisibleTo(principal: Principal, job: { requestedBy: string }): boolean {
  return job.requestedBy === principal.id || principal.scopes.has('amis:admin');
}
