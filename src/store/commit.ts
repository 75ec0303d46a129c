import type { AuditEntry } from '../domain/audit.ts';
import type { Scope } from '../domain/ami.ts';
import type { Delivery, Message } from '../domain/delivery.ts';
import type { Job } from '../domain/job.ts';
import { eventsBetween } from '../domain/job-events.ts';
import type { RedisClient } from '../redis-client.ts';
import { auditCommand } from './audit-log.ts';
import type { StoredDelivery } from './deliveries.ts';
import { deliveryCommands, forgetDeliveries, messageCommands } from './deliveries.ts';
import type { HoldChanges } from './holds.ts';
import { holdCommands } from './holds.ts';
import type { IndexCommand } from './indexes.ts';
import { indexChanges } from './indexes.ts';
import type { StoreKeys } from './keys.ts';
import { recordOf } from './records.ts';
import type { StartLimits } from './copy-slots.ts';
import type { Receipt } from './store.ts';

/** One write of a record, from `before` to `after`. */
export interface Write {
  /** `null` if the write creates the record. */
  before: Job | null;
  /** `null` if the write deletes the record. */
  after: Job | null;
  /** The changes that this write merges, each from one version to the next, with events of its own. */
  steps?: readonly (readonly [Job, Job])[];
  /** Webhook messages that are new in this write. */
  messages?: readonly Message[];
  /** A delivery that is to be sent again. The write conflicts if it is no longer as it was read. */
  redelivery?: { from: StoredDelivery; to: Delivery };
  guards?: Guards;
  /** What becomes known of the holds of an image. */
  holds?: { scope: Scope; imageId: string; changes: HoldChanges } | undefined;
  receipt?: Receipt | undefined;
  audit?: AuditEntry | undefined;
}

/** Conditions: the script refuses the write if one does not hold. */
export interface Guards {
  slots?: SlotRequest | undefined;
  queue?: { key: string; member: string } | undefined;
}

/** Copy slots and calls of CopyImage that a write takes: one of each for each member. */
export interface SlotRequest {
  limits: StartLimits;
  wanted: readonly { scope: Scope; member: string; isTimeBased: boolean }[];
}

/** `claim-lost`: another request holds the Idempotency-Key. `full`: these members get no slot or no call, and nothing was written. */
export type CommitOutcome =
  | { outcome: 'ok' | 'conflict' | 'not-first' }
  | { outcome: 'claim-lost' }
  | { outcome: 'full'; members: string[] };

/** What all writes of a store have in common. */
export interface CommitContext {
  keys: StoreKeys;
  /** Approximate number of entries that the audit keeps. */
  auditEntries: number;
}

/**
 * Makes some writes by one call of one script (lua/commit.lua). Each write is atomic by itself: its record, its events and its indexes,
 * or nothing. Returns an outcome for each, in order.
 */
export async function commit(
  redis: RedisClient,
  context: CommitContext,
  writes: readonly Write[],
): Promise<CommitOutcome[]> {
  const { keys } = context;
  const positions = new Map([[keys.allEvents, 1]]);
  const position = (key: string) => {
    const known = positions.get(key) ?? positions.size + 1;
    positions.set(key, known);
    return known;
  };
  const args = writes.flatMap((write) => argumentsOf(context, write, position));
  const answers = await redis.amiferryCommit(positions.size, ...positions.keys(), keys.feed, ...args);
  return answers.map((answer) =>
    typeof answer === 'string' ? { outcome: answer } : { outcome: 'full', members: answer },
  );
}

type Position = (key: string) => number;

function argumentsOf(context: CommitContext, write: Write, position: Position): string[] {
  const { before, after, receipt } = write;
  const { keys } = context;
  const id = (after ?? before)?.id ?? '';
  const { field, text } = after === null ? { field: null, text: '' } : recordOf(after);
  const plan = {
    field,
    record: position(keys.job(id)),
    log: position(keys.log(id)),
    from: before?.version ?? 0,
    to: after?.version ?? 0,
    commands: commandsOf(context, write).map(([command, key, ...args]) => [command, position(key), ...args]),
    guard: guardOf(keys, write, position),
    receipt: receipt && receiptOf(receipt, position),
  };
  return [JSON.stringify(plan), text, JSON.stringify(eventsOf(write))];
}

/** The commands of a write besides those for the record and its events. */
function commandsOf({ keys, auditEntries }: CommitContext, write: Write): IndexCommand[] {
  const { before, after, audit, holds } = write;
  return [
    ...indexChanges(keys, before, after),
    ...deliveryChanges(keys, write),
    ...(holds ? holdCommands(keys, holds.scope, holds.imageId, holds.changes) : []),
    ...(audit ? [auditCommand(keys, audit, auditEntries)] : []),
  ];
}

function deliveryChanges(keys: StoreKeys, { before, after, messages, redelivery }: Write): IndexCommand[] {
  if (after === null) return before === null ? [] : forgetDeliveries(keys, before.id);
  return [
    ...messageCommands(keys, after, messages ?? []),
    ...(redelivery ? deliveryCommands(keys, after.id, redelivery.to) : []),
  ];
}

function receiptOf({ key, ttl, ...rest }: Receipt, position: Position): object {
  return { key: position(key), ttl: Math.round(ttl), ...rest };
}

/** Each event as a JSON text. */
function eventsOf({ before, after, steps }: Write): string[] {
  if (after === null) return [];
  const all =
    steps === undefined ? eventsBetween(before, after) : steps.flatMap((step) => eventsBetween(...step));
  return all.map((event) => JSON.stringify(event));
}

function guardOf(
  keys: StoreKeys,
  { after, redelivery, guards = {} }: Write,
  position: Position,
): object | undefined {
  const { slots, queue } = guards;
  if (after !== null && redelivery !== undefined) {
    const { delivery, text } = redelivery.from;
    return { deliveries: position(keys.deliveries(after.id)), n: delivery.n, text };
  }
  if (queue !== undefined) return { queue: position(queue.key), member: queue.member };
  if (slots === undefined) return undefined;
  const wanted = slots.wanted.map(({ scope, member, isTimeBased }) => ({
    slots: position(keys.slots(scope)),
    waiting: position(keys.waiting(scope)),
    timed: position(keys.waitingTimed(scope)),
    full: position(keys.full(scope)),
    full_timed: position(keys.fullTimed(scope)),
    is_timed: isTimeBased,
    limit: position(keys.limit(scope)),
    calls: position(keys.calls(scope, 'CopyImage')),
    member,
  }));
  const { copySlots, calls } = slots.limits;
  return { limit: copySlots, burst: calls.burst, rate: calls.perSecond, wanted };
}
