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
import { onlyWithdraws } from '../domain/permissions.ts';
import { nextDue } from '../domain/next-step.ts';
import type { StoreKeys } from './keys.ts';
import { changeMember } from './change-queues.ts';
import { slotMember } from './copy-slots.ts';

/** A Redis command whose first argument is its key; or PLACE (see lua/commit.lua), which adds a member to a wait queue. */
export type IndexCommand = [command: string, key: string, ...args: (string | number)[]];

/**
 * The commands that turn the indexes of one version of a record into those of the next. They run in the script that writes the
 * record, so an index never disagrees with it. `null` before is a new job, `null` after a deleted one.
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
 * The commands that follow from a change in a scope. Where one of our copies ended, EC2's own limit may have room again. Where
 * a new copy is tracked, a poll is due. Where copies wait for slots, the wait queue is to be processed.
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

/** Scopes where a copy of some kind has ended, with any result. */
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

/** The pairs of `all` whose name does not occur in `others`. */
function minus<T>(all: readonly [string, T][], others: readonly [string, T][]): [string, T][] {
  const names = new Set(others.map(([name]) => name));
  return all.filter(([name]) => !names.has(name));
}

const REMOVALS: Record<string, string> = { ZADD: 'ZREM', PLACE: 'ZREM', SADD: 'SREM', HSET: 'HDEL' };

/** Removes what a ZADD, PLACE, SADD or HSET added. */
function removal([command, key, ...args]: IndexCommand): IndexCommand {
  const member = command === 'ZADD' || command === 'PLACE' ? args[args.length - 1] : args[0];
  return [REMOVALS[command] ?? command, key, member ?? ''];
}

/** Every index entry that belongs to a record, by key and member. */
function entries(keys: StoreKeys, job: Job): [string, IndexCommand][] {
  return entryCommands(keys, job).map((command) => [`${command[1]} ${removal(command)[2]}`, command]);
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
  ];
}

/** The record's places in the wait queues of images. */
function changeEntries(keys: StoreKeys, job: Job): IndexCommand[] {
  if (job.kind === 'copy') return job.destinations.flatMap((one) => shareEntries(keys, job, one));
  return job.finishedAt === null ? [changeEntry(keys, job)] : [];
}

/** The wait queues of images that a record leaves: the next change in each may begin. */
export function queuesLeft(keys: StoreKeys, before: Job | null, after: Job): string[] {
  const queuesOf = (job: Job | null) => (job === null ? [] : changeEntries(keys, job).map(([, key]) => key));
  const left = new Set(queuesOf(after));
  return queuesOf(before).filter((key) => !left.has(key));
}

/** When a job ended that has nothing left to do and no webhook to send, epoch milliseconds; `null` for any other job. */
export function doneAt(job: Job): number | null {
  const isClean = job.kind !== 'copy' || job.destinations.every((one) => leftoversOf(one).length === 0);
  return isClean && job.deliveries.every(({ nextAt }) => nextAt === null) ? job.finishedAt : null;
}

/** Retention counts from the end of a job. A job that is not done is never past it. */
function endEntry(keys: StoreKeys, job: Job): IndexCommand {
  const done = doneAt(job);
  return done === null
    ? ['ZADD', keys.unfinished, dueAt(job), job.id]
    : ['ZADD', keys.finished, done, job.id];
}

/** A time as a score. The script gets it as JSON, which has no infinity. */
function dueAt(job: Job): number | string {
  const time = nextDue(job);
  return time === Infinity ? '+inf' : time;
}

/** A job is listed under its source image and under every copy that it made. */
function imagesOf(job: Job): string[] {
  if (job.kind === 'permissions') return [job.image.id];
  const made = job.destinations.map((one) => one.imageId).filter((id) => id !== null);
  return [...new Set([job.image.id, ...made])];
}

/** Changes of one image are made one after the other, in the order in which Redis wrote them; withdrawals come first. */
function changeEntry(keys: StoreKeys, job: PermissionsJob): IndexCommand {
  const queue = keys.changeQueue(imageScope(job), job.image.id);
  const member = changeMember({ jobId: job.id, destination: null });
  if (onlyWithdraws(job.change)) return ['PLACE', queue, 'withdrawal', member];
  // A change that has begun comes before all that are queued.
  return job.state === 'running' ? ['ZADD', queue, 0, member] : ['PLACE', queue, 'queue', member];
}

/**
 * A copy that is to be shared is in the wait queue of its image as soon as the image's id is known. A change that is requested
 * for that image later comes after it, even if EC2 shows the image as available before the record does.
 */
function shareEntries(keys: StoreKeys, job: CopyJob, one: Destination): IndexCommand[] {
  if (job.permissions === null || one.imageId === null) return [];
  if ((one.state !== 'pending' && one.state !== 'available') || one.stopping !== null) return [];
  const member = changeMember({ jobId: job.id, destination: destinationKey(one) });
  const queue = keys.changeQueue(destinationScope(one), one.imageId);
  return [one.sharedFrom === null ? ['PLACE', queue, 'queue', member] : ['ZADD', queue, 0, member]];
}

function destinationEntries(keys: StoreKeys, job: CopyJob, one: Destination): IndexCommand[] {
  const scope = destinationScope(one);
  const key = destinationKey(one);
  const member = slotMember({ jobId: job.id, destination: key });
  // A destination waits in the order in which its job was accepted, however often it returns to the queue.
  const queue = isTimeBased(one) ? keys.waitingTimed(scope) : keys.waiting(scope);
  if (one.state === 'waiting') return [['ZADD', queue, job.createdAt, member]];
  if (!holdsSlot(one)) return [];
  const slot: IndexCommand = ['SADD', keys.slots(scope), member];
  if (one.imageId === null || !isTracked(one)) return [slot];
  const { startedAt, progress, expectedAt, attempts: attempt, tagged } = one;
  const known = tagged.length;
  // Whether the last poll did not find it, or had no credentials: a poll that finds it then has to write that.
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

/** The polls of its scope handle this destination. */
function isTracked(one: Destination): boolean {
  return one.state === 'waiting' || (one.state === 'pending' && one.stopping === null);
}

/** From the saved intent on, until EC2 has finished the copy or the copy is removed. */
function holdsSlot(one: Destination): boolean {
  return one.startedAt !== null && (one.state === 'queued' || one.state === 'pending');
}
