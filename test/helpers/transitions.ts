import type { AttemptRef } from '../../src/domain/job.ts';
import { attemptRef, findDestination } from '../../src/domain/job.ts';
import type { Transition } from '../../src/domain/apply-transition.ts';
import { keyIn } from './account.ts';
import * as removals from '../../src/domain/removal-transitions.ts';
import * as transitions from '../../src/domain/transitions.ts';

export type { Transition } from '../../src/domain/apply-transition.ts';
export { onCopy } from '../../src/domain/apply-transition.ts';
export { stopAll } from '../../src/domain/removal-transitions.ts';
export { retryFailed } from '../../src/domain/retry-transitions.ts';

/** A transition decided on the record's current attempt. */
function now<Rest extends unknown[]>(transition: (ref: AttemptRef, ...rest: Rest) => Transition) {
  return (region: string, ...rest: Rest): Transition =>
    (job, at) => {
      const destination = findDestination(job, keyIn(region));
      return destination === undefined ? null : transition(attemptRef(destination), ...rest)(job, at);
    };
}

export const begin = now(transitions.begin);
export const park = now(transitions.park);
export const accept = now(transitions.accept);
export const observe = now(transitions.observe);
export const becomeAvailable = now(transitions.becomeAvailable);
export const succeed = now(transitions.succeed);
export const fail = now(transitions.fail);
export const deregistered = now(removals.deregistered);
export const stopped = now(removals.stopped);

export const beginOrPark =
  (regions: readonly string[], refused: ReadonlySet<string>): Transition =>
  (job, at) =>
    transitions.beginOrPark(
      job.destinations.map(attemptRef).filter(({ destination }) => regions.map(keyIn).includes(destination)),
      new Set([...refused].map(keyIn)),
    )(job, at);
