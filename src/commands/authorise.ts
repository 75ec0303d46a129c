import { withGroups } from '../accounts/accounts.ts';
import type { AccessScope, Principal } from '../domain/access.ts';
import type { ImageName, Scope } from '../domain/ami.ts';
import type { AuditAction, AuditEntry } from '../domain/audit.ts';
import { auditEntry, byPrincipal, shortened } from '../domain/audit.ts';
import type { Job } from '../domain/job.ts';
import { imageScope } from '../domain/job.ts';
import type { PermissionChange, PermissionRequest, PermissionState } from '../domain/permissions.ts';
import type { CopyPlan } from '../domain/policy.ts';
import {
  againstChanging,
  againstCopying,
  againstSharing,
  PRIVATE,
  sharingOfChange,
  sharingOfCopy,
} from '../domain/policy.ts';
import type { Named } from '../domain/removal-transitions.ts';
import { isNamed } from '../domain/removal-transitions.ts';
import { retryable } from '../domain/retry-transitions.ts';
import { AmiferryError } from '../errors.ts';
import type { CommandDeps } from './deps.ts';
import { otherAccounts } from './require-account.ts';

type Deps = Pick<CommandDeps, 'accounts' | 'policy' | 'audit' | 'ownAccount'>;

/** The object of a request, for the audit. */
type About = Pick<AuditEntry, 'action' | 'image' | 'what'> & Partial<AuditEntry>;

/** The destinations of a copy, and the permissions that it asks for. */
interface AskedCopy {
  destinations: readonly (Scope & { kmsKeyId: string | null })[];
  permissions: PermissionRequest | null;
}

/** The reasons to refuse a request: missing scopes, and violations of the policy. */
interface Objections {
  scopes: readonly AccessScope[];
  policy: readonly string[];
}

/**
 * Refuses a copy, or its shares, that the caller may not make. It needs no call of EC2.
 * @throws {AmiferryError} `missing-scope`, `outside-policy`
 */
export async function authoriseCopy(
  deps: Deps,
  principal: Principal,
  image: ImageName,
  plan: AskedCopy,
): Promise<void> {
  const objections = await againstCopy(deps, principal, principal.id, image, plan);
  await turnAway(deps, principal, { action: 'request-copy', image, what: plan }, objections);
}

/**
 * Refuses a change that its caller may not make. @param before the permissions that the image has now
 * @throws {AmiferryError} `missing-scope`, `outside-policy`
 */
export async function authoriseChange(
  deps: Deps,
  principal: Principal,
  image: ImageName,
  change: PermissionChange,
  before: PermissionState,
): Promise<void> {
  const objections = await againstChange(deps, principal, principal.id, image, change, before);
  await turnAway(deps, principal, { action: 'change-permissions', image, what: change }, objections);
}

/** Whether the caller may make a change of an image that has the permissions `before`. Nothing is audited. */
export async function mayChange(
  deps: Deps,
  principal: Principal,
  scope: Scope,
  change: PermissionChange,
  before: PermissionState,
): Promise<boolean> {
  const { scopes, policy } = await againstChange(deps, principal, principal.id, scope, change, before);
  return scopes.length + policy.length === 0;
}

/**
 * Refuses a retry if the current policy no longer allows the job to the principal that requested it, or if the principal that
 * retries lacks a scope. @throws {AmiferryError} `missing-scope`, `outside-policy`
 */
export async function authoriseRetry(
  deps: Deps,
  principal: Principal,
  job: Job,
  named: Named,
): Promise<void> {
  await turnAway(
    deps,
    principal,
    about('retry-job', job, destinationsNamed(named)),
    await againstRetry(deps, principal, job, named),
  );
}

/** Refuses a cancel without the scope. The policy is not checked, since a cancel gives nothing. @throws {AmiferryError} `missing-scope` */
export async function authoriseCancel(deps: Deps, principal: Principal, job: Job): Promise<void> {
  const scopes = lacking(principal, [job.kind === 'copy' ? 'amis:copy' : 'amis:share']);
  await turnAway(deps, principal, about('cancel-job', job, null), { scopes, policy: [] });
}

/** The audit entry of a new job. */
export function acceptedNew(
  deps: Pick<Deps, 'policy'>,
  principal: Principal,
  action: AuditAction,
  job: Job,
): AuditEntry {
  return accepted(deps, principal, about(action, job, askedBy(job)));
}

/** The audit entry of an accepted request about a job. @param what the part of the job that it names; `null` for all of it */
export function acceptedFor(
  deps: Pick<Deps, 'policy'>,
  principal: Principal,
  action: AuditAction,
  job: Job,
  what: object | null,
): AuditEntry {
  return accepted(deps, principal, about(action, job, what));
}

function accepted({ policy }: Pick<Deps, 'policy'>, principal: Principal, what: About): AuditEntry {
  return auditEntry({ ...what, outcome: 'allowed', ...byPrincipal(principal, policy.current()) });
}

async function againstCopy(
  deps: Deps,
  principal: Principal,
  owner: string,
  source: Scope,
  { permissions, destinations }: AskedCopy,
): Promise<Objections> {
  const policy = deps.policy.current();
  const others = withGroups(deps.accounts, await otherAccounts(deps, [source, ...destinations]));
  const plan: CopyPlan = { sourceRegion: source.region, otherAccounts: others, destinations };
  const sharing = permissions === null ? null : sharingOfCopy(permissions);
  const needed: AccessScope[] = ['amis:copy'];
  if (sharing !== null) needed.push('amis:share');
  if (sharing?.public === true) needed.push('amis:publish');
  return {
    scopes: lacking(principal, needed),
    policy: [
      ...againstCopying(policy, owner, plan),
      ...(sharing === null ? [] : againstSharing(policy, owner, sharing)),
    ],
  };
}

async function againstChange(
  deps: Deps,
  principal: Principal,
  owner: string,
  scope: Scope,
  change: PermissionChange,
  before: PermissionState,
): Promise<Objections> {
  const policy = deps.policy.current();
  const sharing = sharingOfChange(change, before);
  const others = withGroups(deps.accounts, await otherAccounts(deps, [scope]));
  const inRegion = againstChanging(policy, owner, scope.region, others);
  return {
    scopes: lacking(principal, sharing.public ? ['amis:share', 'amis:publish'] : ['amis:share']),
    policy: inRegion.length > 0 ? inRegion : againstSharing(policy, owner, sharing),
  };
}

/** A retry runs with the rules of the principal that requested the job. */
async function againstRetry(deps: Deps, principal: Principal, job: Job, named: Named): Promise<Objections> {
  const owner = job.requestedBy;
  if (job.kind === 'permissions') {
    return againstChange(deps, principal, owner, imageScope(job), job.change, job.before ?? PRIVATE);
  }
  const failed = job.destinations.filter((one) => isNamed(named, one) && retryable(one));
  const destinations = failed.map(({ spec }) => spec);
  return againstCopy(deps, principal, owner, imageScope(job), { destinations, permissions: job.permissions });
}

function lacking({ scopes }: Principal, needed: readonly AccessScope[]): AccessScope[] {
  return needed.filter((scope) => !scopes.has(scope));
}

async function turnAway(
  { policy, audit }: Deps,
  principal: Principal,
  about: About,
  { scopes, policy: outside }: Objections,
): Promise<void> {
  if (scopes.length + outside.length === 0) return;
  const missing = scopes.map((scope) => `this needs the scope ${scope}`);
  const reasons = [...missing, ...outside];
  const who = byPrincipal(principal, policy.current());
  const what = about.what === null ? null : shortened(about.what);
  await audit.record(auditEntry({ ...about, what, outcome: 'denied', ...who, reasons }));
  throw new AmiferryError(missing.length > 0 ? 'missing-scope' : 'outside-policy', reasons.join('; '));
}

/** @param what the details of the request that are not in the job's own fields of the entry; tags are left out */
function about(action: AuditAction, job: Job, what: object | null): About {
  return { action, image: { imageId: job.image.id, ...imageScope(job) }, what, jobId: job.id };
}

/** The destinations that a request about a job names, for the audit; `null` for all of them. */
export function destinationsNamed(named: Named): object | null {
  return named === null ? null : { destinations: [...named] };
}

/** The details of a new job, for the audit. */
function askedBy(job: Job): object {
  if (job.kind === 'permissions') return job.change;
  const destinations = job.destinations.map(({ spec: { account, region, name, encrypted, kmsKeyId } }) => ({
    account,
    region,
    name,
    encrypted,
    kmsKeyId,
  }));
  return { destinations, permissions: job.permissions };
}
