import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../redis-client.ts';
import { jobIdOf, scopedKey } from '../domain/idempotency.ts';
import { AmiferryError } from '../errors.ts';
import { Batcher } from './batcher.ts';
import { storeKeys } from './keys.ts';
import { defineScripts } from './scripts.ts';
import type { Receipt } from './store.ts';

/** The first answer to a request, which its repetitions get too. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What is stored of a request with a key. `jobId` is stored with its job, `answer` when it was sent. */
interface Memory {
  fingerprint: string;
  /** Of the request that claimed the key. It is absent in what an earlier version stored. */
  token?: string;
  jobId?: string;
  answer?: Answer;
}

/** A key that this request holds. */
export interface Claim {
  /**
   * The id of the job that the key makes at a time, epoch milliseconds. The ids of two jobs of one key are more than one period
   * apart.
   * @param taken how many ids from that one on belong to earlier jobs, which happens after a clock was set back
   */
  jobId(now: number, taken: number): string;
  /** Has to be saved together with the job that the request makes or changes. */
  receipt(jobId: string): Receipt;
  /** Stores the answer, unless another request holds the key meanwhile. */
  answered(answer: Answer): Promise<void>;
  /**
   * Frees the key of a refused request, so that the request may be corrected and sent again. The key stays if its write was
   * made, or if another request holds it meanwhile.
   */
  release(): Promise<void>;
  /** Whether a write was sent to Redis. If it was not answered, it may have been made, or may still be made. */
  readonly mayHaveWritten: boolean;
}

export type ClaimOutcome =
  | { outcome: 'claimed'; claim: Claim }
  | { outcome: 'replay'; answer: Answer }
  /** The job is saved; its first answer was not sent, or not saved. */
  | { outcome: 'accepted'; jobId: string }
  | { outcome: 'in-progress' }
  | { outcome: 'reused' };

/**
 * For how long a request that has not saved its job yet holds its key, milliseconds. The lease holds even if the process was
 * killed: for that time the same request is refused. When a request outlives its lease, its repetition may run at the same
 * time: the first of the two makes the write, and the other one's write is refused.
 */
const LEASE = 4000;

/** A command that answers with a string, or whose answer is not used. */
type KeyCommand = [command: string, key: string, ...args: (string | number)[]];

/** How many commands are sent together at most. */
const TOGETHER = 100;

/** The state of requests that carry an Idempotency-Key, by caller and key. */
export class IdempotencyStore {
  readonly #redis: RedisClient;
  readonly #prefix: string;
  readonly #ttl: number;
  /** Commands of one turn of the event loop are sent together. */
  readonly #commands: Batcher<KeyCommand, string | null>;

  /** @param ttl milliseconds for which an answered request is kept */
  constructor(redis: RedisClient, prefix: string, ttl: number) {
    defineScripts(redis);
    this.#redis = redis;
    this.#prefix = prefix;
    this.#ttl = ttl;
    this.#commands = new Batcher((commands) => runAll(redis, commands), TOGETHER);
  }

  async claim(principal: string, key: string, fingerprint: string): Promise<ClaimOutcome> {
    const redisKey = storeKeys(this.#prefix).idempotency(scopedKey(principal, key));
    const mine = { fingerprint, token: randomUUID() };
    const fresh = JSON.stringify(mine);
    const known = await this.#commands.add(['set', redisKey, fresh, 'PX', LEASE, 'NX', 'GET']);
    // ioredis sends a command again after a lost connection: then the key already has this request's value.
    if (known === null || known === fresh)
      return {
        outcome: 'claimed',
        claim: this.#claim(redisKey, mine, (period) => jobIdOf(principal, key, period)),
      };
    const memory: Memory = JSON.parse(known);
    if (memory.fingerprint !== fingerprint) return { outcome: 'reused' };
    if (memory.answer !== undefined) return { outcome: 'replay', answer: memory.answer };
    return memory.jobId === undefined
      ? { outcome: 'in-progress' }
      : { outcome: 'accepted', jobId: memory.jobId };
  }

  #claim(redisKey: string, mine: Memory & { token: string }, idOf: (period: number) => string): Claim {
    const { token } = mine;
    const ttl = Math.round(this.#ttl);
    let saved: { jobId?: string } = {};
    return {
      jobId: (now, taken) => idOf(Math.floor(now / ttl) + taken),
      receipt: (id) => {
        saved = { jobId: id };
        return { key: redisKey, ...mine, value: JSON.stringify({ ...mine, ...saved }), ttl };
      },
      answered: async (answer) => {
        const memory: Memory = { ...mine, ...saved, answer };
        await this.#commands.add(['amiferryKeepAnswer', redisKey, token, JSON.stringify(memory), ttl]);
      },
      release: async () => {
        await this.#redis.amiferryDeleteExact(redisKey, JSON.stringify(mine));
      },
      get mayHaveWritten() {
        return saved.jobId !== undefined;
      },
    };
  }
}

/** Why a request is refused: another request with the same key holds the key. */
export function keyInProgress(): AmiferryError {
  const message =
    'the first request with this Idempotency-Key is still being answered: send it again in a second';
  return new AmiferryError('idempotency-key-in-progress', message);
}

/** Sends some commands in one round trip. The answer to each, in order. @throws the first error among them */
async function runAll(redis: RedisClient, commands: KeyCommand[]): Promise<(string | null)[]> {
  const answers = (await redis.pipeline(commands).exec()) ?? [];
  return answers.map(([error, answer]) => {
    if (error !== null) throw error;
    return typeof answer === 'string' ? answer : null;
  });
}
