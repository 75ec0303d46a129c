import type { Destination, Hold, PermissionsJob } from '../../src/domain/job.ts';
import { destinationKey, findDestination } from '../../src/domain/job.ts';
import type { StepName } from '../../src/queue/jobs.ts';
import { textsIn } from './wire/resp.ts';
import type { Commit, Ec2Sighting, Sighting } from './wire/sightings.ts';
import { wakeUpIn } from './wire/sightings.ts';
import type { Traffic } from './wire/traffic.ts';

/** Whose moment it is to be: the job whose copies bear this name. */
export interface Subject {
  traffic: Traffic;
  name: string;
}

/** A moment in the traffic, of one job or (tick, sweep) of none. */
export type Moment = (sighting: Sighting, subject: Subject) => boolean;

type Phase = Sighting['phase'];

/** A write of the job's record that changes a destination so; with `reply`, one that Redis took. */
export function write(
  phase: Phase,
  by: 'api' | 'worker',
  changes: (after: Destination, before: Destination | undefined) => boolean,
): Moment {
  return (sighting, subject) => {
    return commitsAt(sighting, subject, phase, by).some(({ job, before }) => {
      if (job?.kind !== 'copy') return false;
      const earlier = before?.kind === 'copy' ? before : undefined;
      return job.destinations.some((one) =>
        changes(one, earlier && findDestination(earlier, destinationKey(one))),
      );
    });
  };
}

/** A write of the job's record that changes the access of an account to the source so; with `reply`, one that Redis took. */
export function writeHold(phase: Phase, state: Hold['state']): Moment {
  return (sighting, subject) =>
    commitsAt(sighting, subject, phase, 'worker').some(({ job, before }) => {
      if (job?.kind !== 'copy' || before?.kind !== 'copy') return false;
      return job.holds?.some((one, i) => one.state === state && before.holds?.[i]?.state !== state) === true;
    });
}

/** A write of the record of a change of the job's permissions; with `reply`, one that Redis took. */
export function writeChange(
  phase: Phase,
  by: 'api' | 'worker',
  changes: (after: PermissionsJob, before: PermissionsJob | undefined) => boolean,
): Moment {
  return (sighting, subject) => {
    return commitsAt(sighting, subject, phase, by).some(({ job, before }) => {
      if (job?.kind !== 'permissions') return false;
      return changes(job, before?.kind === 'permissions' ? before : undefined);
    });
  };
}

function commitsAt(
  sighting: Sighting,
  { traffic, name }: Subject,
  phase: Phase,
  by: 'api' | 'worker',
): readonly Commit[] {
  if (sighting.link !== 'redis' || sighting.phase !== phase || !sighting.process.startsWith(by)) return [];
  return sighting.commits.filter(({ job }) => job !== undefined && traffic.nameOf(job) === name);
}

/** A call of EC2 that is about the job; with `reply`, its answer. */
export function call(
  phase: Phase,
  action: string,
  more: (sighting: Ec2Sighting) => boolean = () => true,
): Moment {
  return (sighting, subject) =>
    sighting.link === 'ec2' &&
    sighting.phase === phase &&
    sighting.action === action &&
    sighting.process.startsWith('worker') &&
    concerns(sighting, subject) &&
    more(sighting);
}

/** Calls that name neither a job nor an image; no round has more than one job that comes to them. */
const NAMELESS: ReadonlySet<string> = new Set([
  'DeleteSnapshot',
  'ModifySnapshotAttribute',
  'CreateGrant',
  'RevokeGrant',
]);

/** Whether a call of EC2 names the job, its copies' name or one of its images. */
export function concerns({ form, action }: Ec2Sighting, { traffic, name }: Subject): boolean {
  if (NAMELESS.has(action)) return true;
  const ids = traffic.idsOf(name);
  return [...form.values()].some((value) => value === name || ids.has(value));
}

/** A script or command of Redis about a wake-up of the job, as BullMQ's own. */
export function queue(phase: Phase, command: string, step: StepName): Moment {
  return (sighting, { traffic, name }) => {
    if (sighting.link !== 'redis' || sighting.phase !== phase || sighting.command !== command) return false;
    const wakeUp = wakeUpIn(phase === 'request' ? sighting.args : textsIn(sighting.answer));
    return wakeUp?.step === step && wakeUp.jobId === traffic.sentAs(name);
  };
}

/** A command or script of Redis, by whichever worker and about whatever. */
export function command(
  phase: Phase,
  name: string,
  more: (answer: string[], args: readonly string[]) => boolean = () => true,
): Moment {
  return (sighting) =>
    sighting.link === 'redis' &&
    sighting.process.startsWith('worker') &&
    sighting.phase === phase &&
    sighting.command === name &&
    more(textsIn(sighting.answer), sighting.args);
}

/** A worker was given a step, of the job or of another one: BullMQ also answers the end of one step with the next one. */
export function taken(step: StepName): Moment {
  const given = ['moveToActive', 'moveToFinished'].map((script) =>
    command('reply', script, (texts) => texts.some((one) => one.startsWith(`${step}.`))),
  );
  return (sighting, subject) => given.some((moment) => moment(sighting, subject));
}

/** Redis gave a worker the turn for a recurring step, and keeps it from the others for a while. */
export function leaseTaken(step: string): Moment {
  return command(
    'reply',
    'set',
    (answered, [key]) => answered.includes('OK') && key?.endsWith(`:lease:${step}`) === true,
  );
}

/** The API's answer to a caller. */
export function answer(path: RegExp, status: number): Moment {
  return (sighting) =>
    sighting.link === 'http' &&
    sighting.phase === 'reply' &&
    sighting.status === status &&
    path.test(sighting.path);
}

/**
 * A moment, from when the job was asked for. Before that it may come to a worker that has only just started and is waited for, by an
 * event of EC2 about a copy of an earlier round.
 */
export function onceAsked(moment: Moment): Moment {
  return (sighting, subject) =>
    subject.traffic.named(subject.name) !== undefined && moment(sighting, subject);
}
