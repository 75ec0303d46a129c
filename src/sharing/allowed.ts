import type { Given } from '../domain/given.ts';
import { againstSharing, granteesOf, sharingOfGiven } from '../domain/policy.ts';
import type { Reason } from '../domain/sharing-rules.ts';
import type { SharingDeps } from './deps.ts';
import type { ShareRequest } from './request.ts';

/** The caller was never authorised to give this, or the current policy does not allow it (any more). */
export class NotAllowed extends Error {
  readonly reasons: Reason[];

  constructor(reasons: Reason[]) {
    super('it is not allowed to give this');
    this.reasons = reasons;
  }
}

/** Checks what a job gives against the current policy, and against the scopes with which the job was accepted. @throws {NotAllowed} */
export function requireAllowed(
  { policy }: Pick<SharingDeps, 'policy'>,
  request: ShareRequest,
  given: Given,
): void {
  const { job, change: asked, mayPublish } = request;
  const sharing = sharingOfGiven({ ...given, grants: granteesOf(asked) });
  const against = againstSharing(policy.current(), job.requestedBy, sharing);
  const reasons: Reason[] = against.map((message) => ({ code: 'policy-withdrawn', message }));
  if (given.public && !mayPublish) {
    const message =
      'the image is not public (any more), and the request was made without the scope amis:publish: ask again with it';
    reasons.push({ code: 'missing-scope', message });
  }
  if (reasons.length > 0) throw new NotAllowed(reasons);
}
