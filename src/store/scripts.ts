import { readFileSync } from 'node:fs';
import type { Result } from 'ioredis';
import type { RedisClient } from '../redis-client.ts';

/** The offset, below 0, of the places of withdrawals in a wait queue: more than any number of changes, and exact as a double. As in commit.lua. */
export const WITHDRAWALS = 2 ** 52;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    amiferryCommit(
      keys: number,
      ...args: (string | number)[]
    ): Result<('ok' | 'conflict' | 'not-first' | 'claim-lost' | string[])[], Context>;
    amiferryChangeDelivery(
      deliveries: string,
      due: string,
      n: number,
      before: string,
      after: string,
      member: string,
      dueAt: number | '',
    ): Result<number, Context>;
    amiferryKeepAnswer(key: string, token: string, value: string, ttl: number): Result<number, Context>;
    amiferryDeleteExact(key: string, value: string): Result<number, Context>;
    amiferryReadLog(log: string, time: number, number: number, limit: number): Result<string[], Context>;
    amiferryTime(key: string): Result<[seconds: string, microseconds: string], Context>;
    amiferryTakeDue(scopes: string, now: number, next: number): Result<string[], Context>;
    amiferryPostponePoll(
      scopes: string,
      pending: string,
      waiting: string,
      timed: string,
      scope: string,
      time: number,
      due: number,
      count: number,
    ): Result<number, Context>;
    amiferryDropIdle(
      scopes: string,
      pending: string,
      waiting: string,
      timed: string,
      scope: string,
    ): Result<number, Context>;
    amiferryHint(
      pending: string,
      eventHints: string,
      poll: string,
      keep: number,
      ...imageIds: string[]
    ): Result<string[], Context>;
    amiferryTakeEventHints(eventHints: string, pending: string): Result<string[] | null, Context>;
    amiferryNextWaiting(
      slots: string,
      waiting: string,
      timed: string,
      full: string,
      fullTimed: string,
      copyLimit: string,
      calls: string,
      waitQueues: string,
      limit: number,
      burst: number,
      rate: number,
      scope: string,
    ): Result<string[], Context>;
    amiferryTakeCall(bucket: string, burst: number, rate: number, left: number): Result<number, Context>;
    amiferryLearnLimit(slots: string, limit: string, told: number, keep: number): Result<null, Context>;
    amiferryBeat(workers: string, id: string, alive: number): Result<null, Context>;
    amiferryCountWorkers(workers: string, alive: number): Result<number, Context>;
    amiferryRefusedCall(bucket: string, burst: number, rate: number): Result<number, Context>;
  }
}

/** The scripts of `lua/`, by the name of the command that each becomes. Without a number of keys, each call has to give it. */
const SCRIPTS: Readonly<Record<string, { file: string; numberOfKeys?: number }>> = {
  amiferryTime: { file: 'time', numberOfKeys: 1 },
  amiferryCommit: { file: 'commit' },
  amiferryChangeDelivery: { file: 'change-delivery', numberOfKeys: 2 },
  amiferryKeepAnswer: { file: 'keep-answer', numberOfKeys: 1 },
  amiferryDeleteExact: { file: 'delete-exact', numberOfKeys: 1 },
  amiferryReadLog: { file: 'read-log', numberOfKeys: 1 },
  amiferryTakeDue: { file: 'take-due', numberOfKeys: 1 },
  amiferryPostponePoll: { file: 'postpone-poll', numberOfKeys: 4 },
  amiferryDropIdle: { file: 'drop-idle', numberOfKeys: 4 },
  amiferryHint: { file: 'hint', numberOfKeys: 2 },
  amiferryTakeEventHints: { file: 'take-event-hints', numberOfKeys: 2 },
  amiferryNextWaiting: { file: 'next-waiting', numberOfKeys: 8 },
  amiferryTakeCall: { file: 'take-call', numberOfKeys: 1 },
  amiferryLearnLimit: { file: 'learn-limit', numberOfKeys: 2 },
  amiferryBeat: { file: 'beat', numberOfKeys: 1 },
  amiferryCountWorkers: { file: 'count-workers', numberOfKeys: 1 },
  amiferryRefusedCall: { file: 'refused-call', numberOfKeys: 1 },
};

/** The text of a script. A line `-- include: NAME` is replaced by that file, because a script cannot load another one. */
function read(name: string): string {
  const text = readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8');
  return text.replaceAll(/^-- include: (\S+)$/gm, (_, other: string) => read(other));
}

const COMMANDS = Object.entries(SCRIPTS).map(
  ([command, { file, ...keys }]) => [command, { lua: read(file), ...keys }] as const,
);

/** Defines the store's scripts on a connection. ioredis sends each script once, and then calls it by its hash. */
export function defineScripts(redis: RedisClient): void {
  for (const [command, script] of COMMANDS) redis.defineCommand(command, script);
}
