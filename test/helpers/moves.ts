import type { AttemptRef } from '../../src/domain/job.ts';
import { attemptRef, findDestination } from '../../src/domain/job.ts';
import type { Move } from '../../src/domain/transitions.ts';
import * as moves from '../../src/domain/transitions.ts';

export type { Move } from '../../src/domain/transitions.ts';
export { onCopy, retryFailed, stopAll } from '../../src/domain/transitions.ts';

/** A move decided on the attempt that the record is at when it is made. */
function now<Rest extends unknown[]>(move: (ref: AttemptRef, ...rest: Rest) => Move) {
  return (key: string, ...rest: Rest): Move =>
    (job, at) => {
      const destination = findDestination(job, key);
      return destination === undefined ? null : move(attemptRef(destination), ...rest)(job, at);
    };
}

export const begin = now(moves.begin);
export const park = now(moves.park);
export const accept = now(moves.accept);
export const observe = now(moves.observe);
export const becomeAvailable = now(moves.becomeAvailable);
export const succeed = now(moves.succeed);
export const fail = now(moves.fail);
export const deregistered = now(moves.deregistered);
export const stopped = now(moves.stopped);

export const beginOrPark =
  (keys: readonly string[], refused: ReadonlySet<string>): Move =>
  (job, at) =>
    moves.beginOrPark(
      job.destinations.map(attemptRef).filter(({ destination }) => keys.includes(destination)),
      refused,
    )(job, at);
