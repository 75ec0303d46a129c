import type { CopyJob, Destination, Job } from '../domain/job.ts';
import { destinationKey } from '../domain/job.ts';
import type { Named } from '../domain/removal-transitions.ts';
import { AmiferryError } from '../errors.ts';

/**
 * Reads which destinations of a job a request names: each by `account/region`, or by its region if the job has only one there. `null`
 * if it names none, which means all of them.
 * @throws {AmiferryError} `validation-failed` for a job without destinations, `unknown-destination`
 */
export function nameDestinations(job: Job, named: readonly string[] | undefined): Named {
  if (named === undefined) return null;
  if (job.kind === 'permissions') throw withoutDestinations(job.id);
  const known = job.destinations.map(destinationKey);
  const found = named.map((name) => destinationsOf(job, name));
  const errors = found.flatMap((keys, i) =>
    keys.length === 1 ? [] : [{ pointer: `/destinations/${i}`, message: notOne(named[i] ?? '', keys) }],
  );
  if (errors.length === 0) return new Set(found.flat());
  const unknown = errors.map(({ message }) => message).join('; ');
  const message = `${unknown}: name some of ${known.join(', ')}`;
  throw new AmiferryError('unknown-destination', message, { errors });
}

/** Finds the destinations with a name: `account/region` names one, a region all destinations in it. */
function destinationsOf({ destinations }: CopyJob, name: string): string[] {
  const isMeant = (one: Destination) => destinationKey(one) === name || one.spec.region === name;
  return destinations.filter(isMeant).map(destinationKey);
}

function notOne(name: string, keys: readonly string[]): string {
  if (keys.length === 0) return `${name} is no destination of this job`;
  return `${name} names several destinations of this job: name the account too`;
}

function withoutDestinations(id: string): AmiferryError {
  const message = `job ${id} changes the permissions of one image and has no destinations: leave "destinations" out`;
  return new AmiferryError('validation-failed', message, { errors: [{ pointer: '/destinations', message }] });
}
