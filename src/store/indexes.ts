import type { Scope } from '../domain/ami.ts';
import { scopeKey } from '../domain/ami.ts';
import type { CopyJob, Destination, Job, PermissionsJob } from '../domain/job.ts';
import {
  destinationKey,
  destinationScope,
  imageScope,
  isTimeBased,
  jobState,
  leftoversOf,
} from '../domain/job.ts';
import { permissionsFor } from '../domain/hubs.ts';
import { dueHolds, holdUser, needs } from '../domain/holds.ts';
import { onlyWithdraws } from '../domain/permissions.ts';
import { nextDue } from '../domain/next-step.ts';
import type { StoreKeys } from './keys.ts';
import { changeMember } from './change-queues.ts';
import { slotMember } from './copy-slots.ts';

/** A Redis command whose first argument is its key; or PLACE (see lua/commit.lua), which puts a member into a wait queue. */
export type IndexCommand = [command: string, key: string, ...args: (string | number)[]];

/**
 * The commands that turn the indexes of one version of a record into those of the next. They run in the script that
 * writes the record, so an index never disagrees with it. `null` before is a new job, `null` after a deleted one.
 */
export function indexChanges(keys: StoreKeys, before: Job | null, after: Job | null): IndexCommand[] {
  return [...entryChanges(keys, before, after), ...scopeChanges(keys, before, after)];
}

function entryChanges(keys: StoreKeys, before: Job | null, after: Job | null): IndexCommand[] {
  if (before === null) return after === null ? [] : entryCommands(keys, after);
  const old = entries(keys, before);
  const wanted = after === null ? [] : entries(keys, after);
  const commands: IndexCommand[] = [];
  for (const [, command] of minus(old, wanted)) commands.push(removal(command));
  const previous = new Map(old);
  for (const [entry, command] of wanted) {
    if (previous.get(entry)?.join('\0') !== command.join('\0')) commands.push(command);
  }
  return commands;
}

/**
 * The end of a copy clears the mark that its scope is full. A newly tracked copy makes a poll of its scope due. A copy that waits for a
 * slot adds its scope to those whose wait queue `tick` serves.
 */
function scopeChanges(keys: StoreKeys, before: Job | null, after: Job | null): IndexCommand[] {
  const old = before?.kind === 'copy' ? before.destinations : [];
  const wanted = after?.kind === 'copy' ? after.destinations : [];
  const freed = freedScopes(old, wanted, () => true);
  const freedTimed = freedScopes(old, wanted, isTimeBased);
  const tracked = minus(scopesOf(wanted, isTracked), scopesOf(old, isTracked));
  const newlyWaiting = minus(scopesOf(wanted, isWaiting), scopesOf(old, isWaiting));
  const due = after?.updatedAt ?? 0;
  return [
    ...freed.map(([, scope]): IndexCommand => ['DEL', keys.full(scope)]),
    ...freedTimed.map(([, scope]): IndexCommand => ['DEL', keys.fullTimed(scope)]),
    ...tracked.map(([name]): IndexCommand => ['ZADD', keys.scopes, 'NX', due, name]),
    ...newlyWaiting.map(([name]): IndexCommand => ['SADD', keys.waitQueues, name]),
  ];
}

/** Scopes in which a copy of some kind has ended, successfully or not. */
function freedScopes(
  old: readonly Destination[],
  wanted: readonly Destination[],
  which: (one: Destination) => boolean,
): [string, Scope][] {
  return minus(
    scopesOf(old, (one) => which(one) && holdsSlot(one)),
    scopesOf(wanted, (one) => which(one) && (holdsSlot(one) || isWaiting(one))),
  );
}

function scopesOf(
  destinations: readonly Destination[],
  which: (one: Destination) => boolean,
): [string, Scope][] {
  const scopes = destinations.filter(which).map(destinationScope);
  return scopes.map((scope) => [scopeKey(scope), scope]);
}

/** The pairs of `all` whose name isn't among those of `others`. */
function minus<T>(all: readonly [string, T][], others: readonly [string, T][]): [string, T][] {
  const names = new Set(others.map(([name]) => name));
  return all.filter(([name]) => !names.has(name));
}

const REMOVALS: Record<string, string> = { ZADD: 'ZREM', PLACE: 'ZREM', SADD: 'SREM', HSET: 'HDEL' };

/** The command that removes what a ZADD, PLACE, SADD or HSET added. */
function removal([command, key, ...args]: IndexCommand): IndexCommand {
  const member = command === 'ZADD' || command === 'PLACE' ? args[args.length - 1] : args[0];
  return [REMOVALS[command] ?? command, key, member ?? ''];
}

/** All index entries of a record, by key and member. */
function entries(keys: StoreKeys, job: Job): [string, IndexCommand][] {
  return entryCommands(keys, job).map((command) => [placeOf(command)[0], command]);
}

function entryCommands(keys: StoreKeys, job: Job): IndexCommand[] {
  return [
    ['ZADD', keys.jobs, job.createdAt, job.id],
    ['ZADD', keys.jobsByState(jobState(job)), job.createdAt, job.id],
    ['ZADD', keys.jobsByKind(job.kind), job.createdAt, job.id],
    ['ZADD', keys.jobsByPrincipal(job.requestedBy), job.createdAt, job.id],
    ...imagesOf(job).map((id): IndexCommand => ['ZADD', keys.jobsByImage(id), job.createdAt, job.id]),
    endEntry(keys, job),
    ...(job.kind === 'copy' ? job.destinations.flatMap((one) => destinationEntries(keys, job, one)) : []),
    ...changeEntries(keys, job),
    ...(job.kind === 'copy' ? holdEntries(keys, job) : []),
  ];
}

/** The accounts that need access to the source: while they do, no other job takes it back. */
function holdEntries(keys: StoreKeys, job: CopyJob): IndexCommand[] {
  return needs(job).map(({ source, account }) => [
    'SADD',
    keys.holdUsers(source, source.imageId),
    holdUser(account, job.id),
  ]);
}

/** Its places in the wait queues of images. */
function changeEntries(keys: StoreKeys, job: Job): IndexCommand[] {
  if (job.kind === 'copy')
    return [...sourceEntries(keys, job), ...job.destinations.flatMap((one) => shareEntries(keys, job, one))];
  return job.finishedAt === null ? [changeEntry(keys, job)] : [];
}

/** The wait queues of images that a record leaves: the next change in each may begin. */
export function queuesLeft(keys: StoreKeys, before: Job | null, after: Job): string[] {
  const places = (job: Job | null) => (job === null ? [] : changeEntries(keys, job).map(placeOf));
  const kept = new Set(places(after).map(([name]) => name));
  return places(before).flatMap(([name, queue]) => (kept.has(name) ? [] : [queue]));
}

function placeOf(command: IndexCommand): [name: string, queue: string] {
  return [`${command[1]} ${removal(command)[2]}`, command[1]];
}

/** When a job ended that has nothing left to do, epoch milliseconds; `null` for any other. */
export function doneAt(job: Job): number | null {
  const isClean = job.kind !== 'copy' || job.destinations.every((one) => leftoversOf(one).length === 0);
  return isClean && dueHolds(job).length === 0 ? job.finishedAt : null;
}

/** Retention counts from the end of the job. A job that still has anything to do is never past it. */
function endEntry(keys: StoreKeys, job: Job): IndexCommand {
  const done = doneAt(job);
  return done === null
    ? ['ZADD', keys.unfinished, dueAt(job), job.id]
    : ['ZADD', keys.finished, done, job.id];
}

/** The time as a score. It is sent to the script as JSON, which has no infinity. */
function dueAt(job: Job): number | string {
  const time = nextDue(job);
  return time === Infinity ? '+inf' : time;
}

/** The images by which a job is found: its source, and every copy that it made. */
function imagesOf(job: Job): string[] {
  if (job.kind === 'permissions') return [job.image.id];
  const made = job.destinations.map((one) => one.imageId).filter((id) => id !== null);
  return [...new Set([job.image.id, ...made])];
}

/** Changes of one image are made one after the other, in the order in which Redis wrote them; withdrawals go first. */
function changeEntry(keys: StoreKeys, job: PermissionsJob): IndexCommand {
  const queue = keys.changeQueue(imageScope(job), job.image.id);
  const member = changeMember({ jobId: job.id, destination: null });
  if (onlyWithdraws(job.change)) return ['PLACE', queue, 'withdrawal', member];
  // A change that has begun is before all that are queued.
  return job.state === 'running' ? ['ZADD', queue, 0, member] : ['PLACE', queue, 'queue', member];
}

/** Giving access to an image that is copied, and taking it back, is one of the changes of its permissions. */
function sourceEntries(keys: StoreKeys, job: CopyJob): IndexCommand[] {
  const member = changeMember({ jobId: job.id, destination: null });
  return dueHolds(job).map(({ image }) => ['PLACE', keys.changeQueue(image, image.imageId), 'queue', member]);
}

/**
 * A copy that is to be shared is in the wait queue of its image from when the image's id is known. So a later request for that image comes
 * after it, even if EC2 shows the image as available before the record does.
 */
function shareEntries(keys: StoreKeys, job: CopyJob, one: Destination): IndexCommand[] {
  if (permissionsFor(job, one) === null || one.imageId === null) return [];
  if ((one.state !== 'pending' && one.state !== 'available') || one.stopping !== null) return [];
  const member = changeMember({ jobId: job.id, destination: destinationKey(one) });
  const queue = keys.changeQueue(destinationScope(one), one.imageId);
  return [one.sharedFrom === null ? ['PLACE', queue, 'queue', member] : ['ZADD', queue, 0, member]];
}

function destinationEntries(keys: StoreKeys, job: CopyJob, one: Destination): IndexCommand[] {
  const scope = destinationScope(one);
  const key = destinationKey(one);
  const member = slotMember({ jobId: job.id, destination: key });
  // The place in the queue is the time at which the job was accepted, however often the destination is parked again.
  const queue = isTimeBased(one) ? keys.waitingTimed(scope) : keys.waiting(scope);
  if (one.state === 'waiting') return [['ZADD', queue, job.createdAt, member]];
  if (!holdsSlot(one)) return [];
  const slot: IndexCommand = ['SADD', keys.slots(scope), member];
  if (one.imageId === null || !isTracked(one)) return [slot];
  const { startedAt, progress, expectedAt, attempts: attempt, tagged } = one;
  const known = tagged.length;
  // Whether a poll has not found it, or had no credentials: then a poll that finds it has to say so.
  const doubtful = one.unseen || one.unreachableSince ? { doubtful: true } : {};
  const seen = {
    jobId: job.id,
    destination: key,
    startedAt,
    progress,
    expectedAt,
    attempt,
    known,
    ...doubtful,
  };
  return [slot, ['HSET', keys.pending(scope), one.imageId, JSON.stringify(seen)]];
}

function isWaiting({ state }: Destination): boolean {
  return state === 'waiting';
}

/** In the hands of its region's tracking. */
function isTracked(one: Destination): boolean {
  return one.state === 'waiting' || (one.state === 'pending' && one.stopping === null);
}

/** From the saved intent on, until EC2 has finished with the copy or the copy is removed. */
function holdsSlot(one: Destination): boolean {
  return one.startedAt !== null && (one.state === 'queued' || one.state === 'pending');
}
