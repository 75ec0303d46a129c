import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../redis-client.ts';
import { jobIdOf, scopedKey } from '../domain/idempotency.ts';
import { AmiferryError } from '../errors.ts';
import { Batcher } from './batcher.ts';
import { storeKeys } from './keys.ts';
import { defineScripts } from './scripts.ts';
import type { Receipt } from './store.ts';

/** The first answer to a request, as it is given again. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What is remembered of a request with a key. `jobId` comes with its job, `answer` when it was sent. */
interface Memory {
  fingerprint: string;
  /** Of the request that claimed the key. A memory of an earlier version has none. */
  token?: string;
  jobId?: string;
  answer?: Answer;
}

/** A key that this request holds. */
export interface Claim {
  /**
   * The id of a job that the key makes at a time, epoch milliseconds. Two jobs of one key are further apart than a period is long.
   * @param taken how many ids from that one on are those of earlier jobs, by a clock that was set back
   */
  jobId(now: number, taken: number): string;
  /** To be saved together with the job that the request makes or changes. */
  receipt(jobId: string): Receipt;
  /** Remembers the answer, unless another request holds the key by now. */
  answered(answer: Answer): Promise<void>;
  /**
   * Frees the key of a refused request, so that it may be corrected and sent again. A key whose write was made, or that another
   * request holds by now, stays as it is.
   */
  release(): Promise<void>;
  /** Whether a write was sent to Redis: without its answer it may have been made, or may be made yet. */
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
 * Milliseconds for which a request that has not saved its job yet holds its key, even if its process was killed: the
 * same request is not answered for that long. A request over its lease may meet its repetition: the first of them to
 * come to it makes the write, and the other is refused it.
 */
const LEASE = 4000;

/** A command that answers with a string, or nothing of interest. */
type KeyCommand = [command: string, key: string, ...args: (string | number)[]];

/** Commands sent together at most. */
const TOGETHER = 100;

/** What became of requests that carry an Idempotency-Key, by caller and key. */
export class IdempotencyStore {
  readonly #redis: RedisClient;
  readonly #prefix: string;
  readonly #ttl: number;
  /** Those of one turn of the event loop are sent together. */
  readonly #commands: Batcher<KeyCommand, string | null>;

  /** @param ttl milliseconds for which an answered request is remembered */
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
    // Its own value is there where ioredis sent the command again after a lost connection.
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

/** Why a request is refused whose key another request with the same key holds. */
export function keyInProgress(): AmiferryError {
  const message =
    'the first request with this Idempotency-Key is still being answered: send it again in a second';
  return new AmiferryError('idempotency-key-in-progress', message);
}

/** The answer to each, in order. @throws the first error among them */
async function runAll(redis: RedisClient, commands: KeyCommand[]): Promise<(string | null)[]> {
  const answers = (await redis.pipeline(commands).exec()) ?? [];
  return answers.map(([error, answer]) => {
    if (error !== null) throw error;
    return typeof answer === 'string' ? answer : null;
  });
}
