import { keyIn, OWN } from '../helpers/account.ts';
import { Redis } from 'ioredis';
import type { RedisClient } from '../../src/redis-client.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CopyJob, Job } from '../../src/domain/job.ts';
import { addLeftover, changeLeftover } from '../../src/domain/removal-transitions.ts';
import * as transitions from '../helpers/transitions.ts';
import { failureBecause } from '../../src/worker/failure.ts';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { RedisJobStore } from '../../src/store/redis-store.ts';
import { copyJob } from '../helpers/copy-job.ts';
import { clientCommands, dropPrefix, keysOf, testPrefix, testRedisUrl } from '../helpers/redis.ts';
import { PATIENCE } from '../helpers/waiting.ts';

let redis: RedisClient;
let prefix: string;
let store: RedisJobStore;
const PLENTY = { burst: 1000, perSecond: 1000 };
const eu = { account: OWN, region: 'eu-west-1' };

beforeAll(async () => {
  redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  await untilReady(redis, PATIENCE);
});
beforeEach(() => {
  prefix = testPrefix();
  store = new RedisJobStore(redis, prefix, {
    wake: async () => {},
    announce: (_, job) => ({ job, messages: [] }),
  });
});
afterEach(() => dropPrefix(redis, prefix));
afterAll(() => closeRedis(redis));

const change = (id: string, transition: transitions.Transition) =>
  store.update(id, transitions.onCopy(transition));

async function copy(id: string): Promise<CopyJob | null> {
  const job = await store.get(id);
  return job?.kind === 'copy' ? job : null;
}

function startedIn({ destinations }: CopyJob): number {
  return destinations.filter(({ startedAt }) => startedAt !== null).length;
}

async function saved(changes: Partial<CopyJob> = {}, regions?: string[]): Promise<CopyJob> {
  const job = copyJob(changes, regions);
  await store.create(job);
  return job;
}

describe('a write', () => {
  test('of a job that exists already leaves it as it is', async () => {
    const job = await saved();
    expect(await store.create({ ...job, requestedBy: 'somebody else' })).toBe('exists');
    expect((await store.get(job.id))?.requestedBy).toBe('tester');
  });

  test('raises the version by one, and is there to read', async () => {
    const { id } = await saved();
    await change(id, transitions.begin('eu-west-1'));
    expect(await store.get(id)).toMatchObject({
      version: 2,
      destinations: [{ startedAt: expect.any(Number) }, {}],
    });
  });

  test('against an older version is not made: the change is tried again on the newer record', async () => {
    const { id } = await saved();
    const seen: number[] = [];
    await change(id, (job, now) => {
      seen.push(job.version);
      // Somebody else is faster, just once: one connection, so this write is in Redis before the store's own.
      const theirs = { ...transitions.begin('us-west-2')(job, now), version: 2 };
      if (seen.length === 1)
        void redis.hset(`${prefix}:job:${id}`, 'version', 2, 'record', JSON.stringify(theirs));
      return transitions.begin('eu-west-1')(job, now);
    });
    expect(seen).toEqual([1, 2]);
    const job = await copy(id);
    expect(job?.version).toBe(3);
    expect(job?.destinations.every(({ startedAt }) => startedAt !== null)).toBe(true);
  });

  test('by many at once loses none of them, and those of one process are merged', async () => {
    const regions = Array.from({ length: 40 }, (_, i) => `xx-test-${i}`);
    const { id } = await saved({}, regions);
    const other = new RedisJobStore(redis, prefix, {
      wake: async () => {},
      announce: (_, job) => ({ job, messages: [] }),
    });
    const outcomes = await Promise.all(
      regions.map((region, i) =>
        (i % 2 ? store : other).update(id, transitions.onCopy(transitions.begin(region))),
      ),
    );
    // Each is told of its own change alone.
    const begun = outcomes.map((one) =>
      one.outcome === 'changed' && one.job.kind === 'copy' && one.before.kind === 'copy'
        ? startedIn(one.job) - startedIn(one.before)
        : 0,
    );
    expect(begun).toEqual(regions.map(() => 1));
    const job = await copy(id);
    expect(job?.version).toBeLessThan(10);
    expect(job?.destinations.filter(({ startedAt }) => startedAt === null)).toEqual([]);
  });

  test('to a job that is not there says so', async () => {
    expect(await change('nobody', transitions.begin('eu-west-1'))).toEqual({ outcome: 'missing' });
  });
});

describe('slots', () => {
  /** Whether the destination got a slot; if not it waits. */
  const begin = async (id: string, slots: number, calls = PLENTY) => {
    const destinations = [{ destination: keyIn('eu-west-1'), scope: eu }];
    const job = await copy(id);
    if (job === null) throw new Error('no job');
    const limits = { copySlots: slots, calls };
    await store.updateWithSlots({ job, destinations, limits }, (job, now, refused) =>
      transitions.onCopy(transitions.beginOrPark(['eu-west-1'], refused))(job, now),
    );
    return (await copy(id))?.destinations[0]?.startedAt !== null;
  };

  test('are given up to the limit, to the head of the line first', async () => {
    const jobs = [];
    for (let i = 0; i < 4; i += 1) jobs.push(await saved({ createdAt: 1000 + i }));
    const [a, b, c, d] = jobs.map(({ id }) => id) as [string, string, string, string];
    expect(await begin(a, 1)).toBe(true);
    expect(await begin(b, 1)).toBe(false);
    await change(c, transitions.park('eu-west-1'));
    expect(await store.copySlots.nextWaiting(eu, { copySlots: 1, calls: PLENTY })).toEqual([]);

    await change(a, transitions.stopAll('cancel'));
    await change(a, transitions.stopped('eu-west-1'));
    expect(await store.copySlots.nextWaiting(eu, { copySlots: 1, calls: PLENTY })).toEqual([
      { jobId: b, destination: keyIn('eu-west-1') },
    ]);
    expect(await begin(d, 1)).toBe(false);
    expect(await begin(c, 1)).toBe(false);
    expect(await begin(b, 1)).toBe(true);
  });

  test('are not given while EC2 says that it is full, until one of ours is freed', async () => {
    const { id: a } = await saved();
    const { id: b } = await saved();
    await begin(a, 10);
    await store.copySlots.markFull(eu, 60_000);
    expect(await begin(b, 10)).toBe(false);
    // Going back into line frees a slot of ours, and none of EC2's.
    const { id: c } = await saved();
    await change(c, transitions.begin('eu-west-1'));
    await change(c, transitions.park('eu-west-1'));
    expect(await begin(b, 10)).toBe(false);
    await change(a, transitions.fail('eu-west-1', failureBecause('copy-failed', 'test')));
    expect(await begin(b, 10)).toBe(true);
  });
});

describe('tracking', () => {
  test('a pending copy makes its scope due; one with nothing left is dropped', async () => {
    const { id } = await saved({}, ['eu-west-1']);
    await change(id, transitions.begin('eu-west-1'));
    expect(await store.polls.takeDueScopes(60_000)).toEqual([]);
    await change(id, transitions.accept('eu-west-1', 'ami-0000000000000000a'));
    expect(await store.polls.takeDueScopes(60_000)).toEqual([eu]);
    expect(await store.polls.takeDueScopes(60_000)).toEqual([]);
    expect(await store.polls.pending(eu)).toMatchObject([
      { imageId: 'ami-0000000000000000a', jobId: id, progress: 0 },
    ]);

    await store.polls.dropIdleScope(eu);
    expect(await redis.zcard(`${prefix}:scopes`)).toBe(1);
    await change(id, transitions.fail('eu-west-1', failureBecause('copy-failed', 'test')));
    await store.polls.dropIdleScope(eu);
    expect(await redis.zcard(`${prefix}:scopes`)).toBe(0);
    expect(await store.polls.pending(eu)).toEqual([]);
  });

  const begun = async (imageId: string) => {
    const { id } = await saved({}, ['eu-west-1']);
    await change(id, transitions.begin('eu-west-1'));
    await change(id, transitions.accept('eu-west-1', imageId));
    return id;
  };
  const due = async () => Number(await redis.zscore(`${prefix}:scopes`, `${OWN}/eu-west-1`));
  const look = async () => {
    expect(await store.polls.takeDueScopes(5000)).toEqual([eu]);
    return store.polls.beginPoll(eu);
  };

  test('a look is put off once it is over; who dies in it leaves the scope due soon', async () => {
    await begun('ami-0000000000000000a');
    const { pending, due: soon } = await look();
    expect(soon).toBe(await due());
    expect(soon - store.now()).toBeLessThanOrEqual(5000);
    await store.polls.postponePoll(eu, store.now() + 60_000, soon, pending.length);
    expect(await due()).toBeGreaterThan(soon);
  });

  test('it is not put off where somebody asked for an earlier one, others are pending, or there is a line', async () => {
    await begun('ami-0000000000000000a');
    const { due: soon } = await look();
    const postponePoll = (count: number) => store.polls.postponePoll(eu, store.now() + 60_000, soon, count);
    await begun('ami-0000000000000000b');
    await postponePoll(1);
    expect(await due()).toBe(soon);

    const { id } = await saved({}, ['eu-west-1']);
    await change(id, transitions.park('eu-west-1'));
    await postponePoll(2);
    expect(await due()).toBe(soon);
    await change(id, transitions.stopAll('cancel'));

    await store.polls.pollBy(eu, soon - 1000);
    await postponePoll(2);
    expect(await due()).toBe(soon - 1000);
    await store.polls.postponePoll(eu, soon + 1, soon - 1000, 2);
    expect(await due()).toBe(soon + 1);
  });

  test('a scope that was dropped meanwhile is not put back', async () => {
    const id = await begun('ami-0000000000000000a');
    const { due: soon } = await look();
    await change(id, transitions.fail('eu-west-1', failureBecause('copy-failed', 'test')));
    await store.polls.dropIdleScope(eu);
    await store.polls.postponePoll(eu, store.now() + 60_000, soon, 0);
    expect(await redis.zcard(`${prefix}:scopes`)).toBe(0);
  });
});

describe('listing', () => {
  test('goes newest first, page by page, without loss or repeat, also among equal times', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 25; i += 1) ids.push((await saved({ createdAt: 1000 + Math.floor(i / 5) })).id);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.list({ limit: 4, ...(cursor === undefined ? {} : { cursor }) });
      found.push(...page.jobs.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(found.toSorted()).toEqual(ids.toSorted());
    const times = await Promise.all(found.map(async (id) => (await store.get(id))?.createdAt ?? 0));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });

  test('filters by state and by image, source or copy', async () => {
    const { id } = await saved({}, ['eu-west-1']);
    const other = await saved();
    await change(id, transitions.begin('eu-west-1'));
    await change(id, transitions.accept('eu-west-1', 'ami-0000000000000000a'));
    const idsOf = async (filter: Parameters<RedisJobStore['list']>[0]) =>
      (await store.list(filter)).jobs.map((job) => job.id);
    expect(await idsOf({ limit: 10, state: 'queued' })).toEqual([other.id]);
    expect(await idsOf({ limit: 10, state: 'running' })).toEqual([id]);
    expect(await idsOf({ limit: 10, imageId: 'ami-0000000000000000a' })).toEqual([id]);
    expect(await idsOf({ limit: 10, imageId: 'ami-0a1b2c3d4e5f60001', state: 'queued' })).toEqual([other.id]);
  });

  const pages = async (filter: Parameters<RedisJobStore['list']>[0]) => {
    const all: string[][] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await store.list({ ...filter, ...(cursor === undefined ? {} : { cursor }) });
      all.push(page.jobs.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    return all;
  };

  test('reads no record but those that all filters name, and walks the smallest index', async () => {
    for (let i = 0; i < 1500; i += 1) await saved({ createdAt: 1000 + i });
    const mine = await saved({ requestedBy: 'me', createdAt: 500 });
    await saved({ requestedBy: 'me', image: { ...mine.image, id: 'ami-0000000000000000b' } });
    const monitored = new Redis(testRedisUrl());
    const filter = { limit: 20, requestedBy: 'me', imageId: mine.image.id } as const;
    const commands = await clientCommands(monitored, prefix, async () => {
      expect(await pages(filter)).toEqual([[mine.id]]);
    });
    monitored.disconnect();
    // Sizes of the indexes, the smallest index, its jobs in the other one, the size of the record, the record.
    expect(commands).toEqual(['ZCARD', 'ZCARD', 'ZRANGE', 'ZMSCORE', 'HSTRLEN', 'HSTRLEN', 'HLEN', 'HMGET']);
  });

  test('looks at ten thousand jobs for one page at most, and goes on with the next', async () => {
    const job = copyJob({ createdAt: 1 });
    await store.create(job);
    const { jobsByState, jobsByImage } = storeKeys(prefix);
    const others = (from: number) =>
      Array.from({ length: 10_500 }, (_, i) => [String(from + i), `other-${from + i}`]).flat();
    await redis.zadd(jobsByState('queued'), ...others(100_000));
    await redis.zadd(jobsByImage(job.image.id), ...others(200_000));
    expect(await pages({ limit: 1, state: 'queued', imageId: job.image.id })).toEqual([[], [job.id]]);
  });

  test('bounds a page by bytes: a large record is a page by itself', async () => {
    const large = (quarters: number, createdAt: number) =>
      saved({
        createdAt,
        image: { id: 'ami-1', account: OWN, region: 'us-east-1', name: 'x'.repeat(quarters * 250_000) },
      });
    const ids: string[] = [];
    for (const [i, quarters] of [1, 1, 1, 3, 6, 1].entries()) ids.push((await large(quarters, 100 - i)).id);
    const [a = '', b = '', c = '', d = '', e = '', f = ''] = ids;
    expect(await pages({ limit: 10 })).toEqual([[a, b, c], [d], [e], [f]]);
    expect(await pages({ limit: 2 })).toEqual([[a, b], [c, d], [e], [f]]);
  });

  test('refuses a cursor that it never gave', async () => {
    await expect(store.list({ limit: 1, cursor: 'x' })).rejects.toMatchObject({ code: 'invalid-cursor' });
  });
});

describe('a job past its retention is kept', () => {
  test('while an image of it is still to be removed', async () => {
    const { id } = await saved({}, ['eu-west-1']);
    const leftover = { destination: keyIn('eu-west-1'), attempt: 1, imageId: 'ami-1' };
    await change(id, addLeftover(leftover));
    await change(id, transitions.stopAll('cancel'));
    expect(await store.deleteFinishedBefore(store.now() + 1, 10)).toBe(0);
    await change(
      id,
      changeLeftover(keyIn('eu-west-1'), 'ami-1', () => null),
    );
    expect(await store.deleteFinishedBefore(store.now() + 1, 10)).toBe(1);
  });

  test('where it was retried just before it would have been deleted', async () => {
    const { id } = await saved({}, ['eu-west-1']);
    await change(id, transitions.fail('eu-west-1', failureBecause('copy-failed', 'for a test')));
    class RetriedStore extends RedisJobStore {
      override async get(one: string): Promise<Job | null> {
        await change(one, transitions.retryFailed);
        return super.get(one);
      }
    }
    const sweeping = new RetriedStore(redis, prefix, {
      wake: async () => {},
      announce: (_, job) => ({ job, messages: [] }),
    });
    expect(await sweeping.deleteFinishedBefore(store.now() + 1, 10)).toBe(0);
    expect((await store.get(id))?.finishedAt).toBeNull();
  });
});

test('a job past its retention leaves no key behind; the last events of all jobs are kept by their number', async () => {
  const { id } = await saved({}, ['eu-west-1']);
  await change(id, transitions.stopAll('cancel'));
  const { finishedAt } = (await store.get(id)) ?? {};
  expect(await store.deleteFinishedBefore((finishedAt ?? 0) - 1, 10)).toBe(0);
  expect(await store.deleteFinishedBefore(finishedAt ?? 0, 10)).toBe(1);
  const { allEvents } = storeKeys(prefix);
  expect((await keysOf(redis, prefix)).toSorted()).toEqual([allEvents]);
});

test('Redis has a record before the wake-ups of its write, which do not wait for the answer of the write', async () => {
  const job = copyJob({});
  const seen: [hasRecord: number, isAnswered: boolean][] = [];
  let answered = false;
  const waking = new RedisJobStore(redis, prefix, {
    wake: async () => {
      const asked = answered;
      seen.push([await redis.exists(`${prefix}:job:${job.id}`), asked]);
    },
    announce: (_, job) => ({ job, messages: [] }),
  });
  await waking.create(job).then(() => (answered = true));
  expect(seen).toEqual([[1, false]]);
});
