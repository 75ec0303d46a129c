/** Principals, and the scopes that their credentials carry. The policy (policy.ts) decides what a scope may be used with. */

export const ACCESS_SCOPES = ['amis:read', 'amis:copy', 'amis:share', 'amis:publish', 'amis:admin'] as const;

/** What credentials allow. No scope implies another. */
export type AccessScope = (typeof ACCESS_SCOPES)[number];

export function isAccessScope(word: string): word is AccessScope {
  return ACCESS_SCOPES.some((scope) => scope === word);
}

export interface Principal {
  /** `key:<name>` or `oidc:<subject>`, as the policy, jobs and the audit name them; the kinds never mix. */
  id: string;
  /** The id of the key or token, for the audit. It is never the secret itself. */
  credential: string | null;
  scopes: ReadonlySet<AccessScope>;
  /** When the credentials expire, epoch milliseconds; `null`: never. */
  expiresAt: number | null;
}

/** The form of a principal's id: it becomes part of Redis keys and log lines. */
export const PRINCIPAL_ID_PATTERN = '^(?:anonymous|(?:key|oidc):[\\x21-\\x7e]{1,200})$';

/** The principal of every request where the service runs without credentials. */
export const ANONYMOUS: Principal = {
  id: 'anonymous',
  credential: null,
  scopes: new Set(ACCESS_SCOPES),
  expiresAt: null,
};

/** A job is visible to the principal that requested it, and to administrators. */
export function isVisibleTo(principal: Principal, job: { requestedBy: string }): boolean {
  return job.requestedBy === principal.id || principal.scopes.has('amis:admin');
}
