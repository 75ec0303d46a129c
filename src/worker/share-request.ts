import type { Image } from '../domain/ami.ts';
import type { Job, Warning } from '../domain/job.ts';
import type { PermissionState } from '../domain/permissions.ts';
import type { Reason } from '../domain/sharing-rules.ts';

/** What an image is to be shared like, on whose behalf. */
export interface ShareRequest {
  /** The job whose work it is: its principal's rules count. */
  job: Job;
  image: Image;
  before: PermissionState;
  target: PermissionState;
  /** Give the accounts a grant for the image's customer keys. */
  grantKeyAccess: boolean;
}

export type ShareOutcome =
  /** EC2's rules or the policy of now forbid it. `after` is how the image is left. */
  | { outcome: 'refused'; reasons: Reason[]; after: PermissionState }
  /** EC2 took the changes and doesn't show all of them yet. */
  | { outcome: 'unsettled'; after: PermissionState }
  | { outcome: 'shared'; after: PermissionState; warnings: Warning[] };
