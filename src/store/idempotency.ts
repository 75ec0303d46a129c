import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../redis-client.ts';
import { jobIdOf, scopedKey } from '../domain/idempotency.ts';
import { AmiferryError } from '../errors.ts';
import { Batcher } from './batcher.ts';
import { storeKeys } from './keys.ts';
import { defineScripts } from './scripts.ts';
import type { Receipt } from './store.ts';

/** The first answer to a request, which repetitions of the request get too. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What Redis stores for a key. The write of the job adds `jobId`; `answer` is added when the answer was sent. */
interface Memory {
  fingerprint: string;
  /** Identifies the request that claimed the key. */
  token: string;
  jobId?: string;
  answer?: Answer;
}

/** A key that this request holds. */
export interface Claim {
  /**
   * The id of the job that the key creates at a time (epoch milliseconds). It changes with each period of the key.
   * @param taken how many ids from that one on belong to earlier jobs: more than 0 after a clock was set back
   */
  jobId(now: number, taken: number): string;
  /** What is saved together with the job that the request creates or changes. */
  receipt(jobId: string): Receipt;
  /** Saves the answer, unless another request has claimed the key meanwhile. */
  answered(answer: Answer): Promise<void>;
  /**
   * Frees the key of a refused request, so that the corrected request can use it. A key whose write was made, or that another request
   * has claimed meanwhile, is not changed.
   */
  release(): Promise<void>;
  /** Whether a write was sent to Redis. While its answer is missing, the write may have been made, or may still be made. */
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
 * The lease of a key, milliseconds, for a request that has not saved its job yet. After its process was killed, repetitions are refused
 * for that long. If a request outlives its lease, its repetition may run beside it: whichever writes first makes the write, and the
 * other one is refused.
 */
const LEASE = 4000;

/** A Redis command whose answer is a string, or is ignored. */
type KeyCommand = [command: string, key: string, ...args: (string | number)[]];

/** The most commands that are sent together. */
const TOGETHER = 100;

/** The requests with an Idempotency-Key and their outcomes, by caller and key. */
export class IdempotencyStore {
  readonly #redis: RedisClient;
  readonly #prefix: string;
  readonly #ttl: number;
  /** Sends the commands of one turn of the event loop together. */
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
    // The key has this request's own value if ioredis sent the command again after a lost connection.
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

/** The refusal of a request while another request with the same key is in progress. */
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
