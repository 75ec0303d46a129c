import type { RedisClient } from '../redis-client.ts';
import { jobIdOf, scopedKey } from '../domain/idempotency.ts';
import { Gathered } from './gathered.ts';
import { storeKeys } from './keys.ts';
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
  jobId?: string;
  answer?: Answer;
}

/** A key that this request holds. */
export interface Claim {
  /** The id that a job made by this request gets. */
  jobId: string;
  /** To be saved together with the job that the request makes or changes. */
  receipt(jobId: string): Receipt;
  /** Remembers the answer. */
  answered(answer: Answer): Promise<void>;
  /** Forgets a request that changed nothing, so that it may be sent again, mended. */
  release(): Promise<void>;
}

export type ClaimOutcome =
  | { outcome: 'claimed'; claim: Claim }
  | { outcome: 'replay'; answer: Answer }
  /** The job is saved; its first answer was not sent, or not saved. */
  | { outcome: 'accepted'; jobId: string }
  | { outcome: 'in-progress' }
  | { outcome: 'reused' };

/**
 * Milliseconds for which a request that has not saved its job yet holds its key, be it that its process was killed: the
 * same request is not answered so long. One that takes longer may meet its repetition, and nothing comes of it: the job's
 * id follows from the key, so both get the one job.
 */
const LEASE = 4000;

/** A SET, with its further arguments. */
type SetCommand = [key: string, value: string, ...options: (string | number)[]];

/** Commands sent together at most. */
const TOGETHER = 100;

/** What became of requests that carry an Idempotency-Key, by caller and key. */
export class IdempotencyStore {
  readonly #redis: RedisClient;
  readonly #prefix: string;
  readonly #ttl: number;
  /** Those of one turn of the event loop are sent together. */
  readonly #sets: Gathered<SetCommand, string | null>;

  /** @param ttl milliseconds for which an answered request is remembered */
  constructor(redis: RedisClient, prefix: string, ttl: number) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#ttl = ttl;
    this.#sets = new Gathered((commands) => setAll(redis, commands), TOGETHER);
  }

  async claim(principal: string, key: string, fingerprint: string): Promise<ClaimOutcome> {
    const redisKey = storeKeys(this.#prefix).idempotency(scopedKey(principal, key));
    const fresh: Memory = { fingerprint };
    const known = await this.#sets.add([redisKey, JSON.stringify(fresh), 'PX', LEASE, 'NX', 'GET']);
    if (known === null)
      return { outcome: 'claimed', claim: this.#claim(redisKey, fingerprint, jobIdOf(principal, key)) };
    const memory: Memory = JSON.parse(known);
    if (memory.fingerprint !== fingerprint) return { outcome: 'reused' };
    if (memory.answer !== undefined) return { outcome: 'replay', answer: memory.answer };
    return memory.jobId === undefined
      ? { outcome: 'in-progress' }
      : { outcome: 'accepted', jobId: memory.jobId };
  }

  #claim(redisKey: string, fingerprint: string, derivedId: string): Claim {
    const ttl = this.#ttl;
    let saved: string | undefined;
    return {
      jobId: derivedId,
      receipt: (jobId) => {
        saved = jobId;
        const memory: Memory = { fingerprint, jobId };
        return { key: redisKey, value: JSON.stringify(memory), ttl };
      },
      answered: async (answer) => {
        const memory: Memory = { fingerprint, answer, ...(saved === undefined ? {} : { jobId: saved }) };
        await this.#sets.add([redisKey, JSON.stringify(memory), 'PX', Math.round(ttl)]);
      },
      release: async () => {
        await this.#redis.del(redisKey);
      },
    };
  }
}

/** The answer to each, in order. @throws the first error among them */
async function setAll(redis: RedisClient, commands: readonly SetCommand[]): Promise<(string | null)[]> {
  const pipeline = redis.pipeline(commands.map((command) => ['set', ...command]));
  const answers = (await pipeline.exec()) ?? [];
  return answers.map(([error, answer]) => {
    if (error !== null) throw error;
    return typeof answer === 'string' ? answer : null;
  });
}
