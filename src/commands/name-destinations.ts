import type { Job } from '../domain/job.ts';
import { destinationKey } from '../domain/job.ts';
import type { Named } from '../domain/transitions.ts';
import { AmiferryError } from '../errors.ts';

/**
 * Reads which destinations of a job a request names; `null` if it names none, which means all of them.
 * @throws {AmiferryError} `validation-failed` for a job without destinations, `unknown-destination`
 */
export function nameDestinations(job: Job, named: readonly string[] | undefined): Named {
  if (named === undefined) return null;
  if (job.kind === 'permissions') throw withoutDestinations(job.id);
  const known = job.destinations.map(destinationKey);
  const errors = named.flatMap((key, i) =>
    known.includes(key)
      ? []
      : [{ pointer: `/destinations/${i}`, message: `${key} is no destination of this job` }],
  );
  if (errors.length === 0) return new Set(named);
  const unknown = errors.map(({ message }) => message).join('; ');
  const message = `${unknown}: name some of ${known.join(', ')}`;
  throw new AmiferryError('unknown-destination', message, { errors });
}

function withoutDestinations(id: string): AmiferryError {
  const message = `job ${id} changes the permissions of one image and has no destinations: leave "destinations" out`;
  return new AmiferryError('validation-failed', message, { errors: [{ pointer: '/destinations', message }] });
}
