import type { Scope } from '../domain/ami.ts';
import type { Job } from '../domain/job.ts';
import { happenings } from '../domain/job-events.ts';
import type { RedisClient } from '../redis-client.ts';
import { indexChanges } from './indexes.ts';
import type { StoreKeys } from './keys.ts';
import type { Receipt, StartLimits } from './store.ts';

/** One write: the record as it was and as it is to be, by way of `steps`. */
export interface Write {
  /** `null` makes the record. */
  before: Job | null;
  /** `null` deletes it. */
  after: Job | null;
  /** From one version to the next, each with its own events, where a write merges several changes. */
  steps?: readonly (readonly [Job, Job])[];
  guards?: Guards;
}

/** What has to hold for a write to be made, and what goes with it. */
export interface Guards {
  slots?: SlotRequest | undefined;
  line?: { key: string; member: string } | undefined;
  receipt?: Receipt | undefined;
}

/** Copy slots, and calls of CopyImage, asked for together with a write: one for each member of its scope. */
export interface SlotRequest {
  limits: StartLimits;
  wanted: readonly { scope: Scope; member: string }[];
}

/** `full`: these members get no slot or no call, and nothing was written. */
export type CommitOutcome =
  | { outcome: 'ok' | 'conflict' | 'not-first' }
  | { outcome: 'full'; members: string[] };

/** Makes one write of a record, its events and its indexes; all of it or nothing. See COMMIT in scripts.ts. */
export async function commit(redis: RedisClient, keys: StoreKeys, write: Write): Promise<CommitOutcome> {
  const { before, after, guards = {} } = write;
  const id = (after ?? before)?.id ?? '';
  const named = [keys.job(id), keys.events(id), keys.allEvents];
  const position = (key: string) => {
    const at = named.indexOf(key);
    return at >= 0 ? at + 1 : named.push(key);
  };
  const commands = indexChanges(keys, before, after);
  const { receipt } = guards;
  if (receipt) commands.push(['SET', receipt.key, receipt.value, 'PX', Math.round(receipt.ttl)]);
  const placed = commands.map(([command, key, ...args]) => [command, position(key), ...args]);
  const guard = guardOf(keys, guards, position);
  const answer = await redis.amiferryCommit(
    named.length,
    ...named,
    before?.version ?? 0,
    after?.version ?? 0,
    after === null ? '' : JSON.stringify(after),
    keys.feed,
    JSON.stringify(eventsOf(write)),
    JSON.stringify(placed),
    guard === null ? '' : JSON.stringify(guard),
  );
  return typeof answer === 'string' ? { outcome: answer } : { outcome: 'full', members: answer };
}

/** Each event as a JSON text. */
function eventsOf({ before, after, steps }: Write): string[] {
  if (after === null) return [];
  const all = steps === undefined ? happenings(before, after) : steps.flatMap((step) => happenings(...step));
  return all.map((event) => JSON.stringify(event));
}

function guardOf(keys: StoreKeys, { slots, line }: Guards, position: (key: string) => number): object | null {
  if (line !== undefined) return { line: position(line.key), member: line.member };
  if (slots === undefined) return null;
  const wanted = slots.wanted.map(({ scope, member }) => ({
    slots: position(keys.slots(scope)),
    waiting: position(keys.waiting(scope)),
    full: position(keys.full(scope)),
    calls: position(keys.calls(scope, 'CopyImage')),
    member,
  }));
  const { copySlots, calls } = slots.limits;
  return { limit: copySlots, burst: calls.burst, rate: calls.perSecond, wanted };
}
