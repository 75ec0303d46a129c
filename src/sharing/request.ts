import type { Image } from '../domain/ami.ts';
import type { Given } from '../domain/given.ts';
import type { Job, Warning } from '../domain/job.ts';
import type { PermissionChange, PermissionState } from '../domain/permissions.ts';
import type { Reason } from '../domain/sharing-rules.ts';
import type { Change } from '../store/store.ts';
import type { ChangeRef } from '../store/change-queues.ts';

/** A change of an image's permissions, and the job that makes it. */
export interface ShareRequest {
  /** The job that makes the change: the rules of its principal apply. */
  job: Job;
  /** Its place in the wait queue of the image. */
  me: ChangeRef;
  image: Image;
  change: PermissionChange;
  /** As read when the change began. The audit and a PUT's warnings compare with it; nothing is restored to it. */
  before: PermissionState;
  /** Whether the caller may make the image public. */
  mayPublish: boolean;
  /** The transition that saves what the next calls give, and the warnings. */
  remember(given: Given, warnings: readonly Warning[]): Change;
}

export type ShareOutcome =
  /** EC2's rules or the current policy forbid it. `after` is the state in which the image is left. */
  | { outcome: 'refused'; reasons: Reason[]; after: PermissionState }
  /** EC2 accepted the changes and does not show all of them yet. */
  | { outcome: 'unsettled'; after: PermissionState }
  | { outcome: 'shared'; after: PermissionState; warnings: Warning[] };
