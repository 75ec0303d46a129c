import { OWN } from '../helpers/account.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { closeRedis, connectRedis, untilReady } from '../../src/queue/connections.ts';
import type { RedisClient } from '../../src/redis-client.ts';
import { RedisCallBudget } from '../../src/store/call-budget.ts';
import { storeKeys } from '../../src/store/keys.ts';
import { dropPrefix, testPrefix, testRedisUrl } from '../helpers/redis.ts';
import { PATIENCE } from '../helpers/waiting.ts';

let redis: RedisClient;
let prefix: string;
const eu = { account: OWN, region: 'eu-west-1' };
const us = { account: OWN, region: 'us-west-2' };

beforeAll(async () => {
  redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  await untilReady(redis, PATIENCE);
});
beforeEach(() => {
  prefix = testPrefix();
});
afterEach(() => dropPrefix(redis, prefix));
afterAll(() => closeRedis(redis));

const budget = (share: number) => new RedisCallBudget(redis, prefix, share);

/** As if the last look into the bucket, and the last refusal, had been so many seconds earlier. */
async function later(operation: string, seconds: number): Promise<void> {
  const key = storeKeys(prefix).calls(eu, operation);
  for (const field of ['at', 'refused']) {
    const time = await redis.hget(key, field);
    if (time !== null) await redis.hset(key, field, String(Number(time) - seconds));
  }
}

/** How many calls are given before one is held back. */
async function givenAtOnce(share: number, operation: string): Promise<number> {
  let given = 0;
  while (given < 1000 && (await budget(share).take(eu, operation)) === 0) given += 1;
  return given;
}

describe('calls', () => {
  test("are given up to EC2's burst less a margin, then tell how long to wait", async () => {
    expect(await givenAtOnce(1, 'CopyImage')).toBe(97);
    const wait = await budget(1).take(eu, 'CopyImage');
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(1000);
  });

  test('are given again as EC2 gives them: one a second for CopyImage', async () => {
    await givenAtOnce(1, 'CopyImage');
    await later('CopyImage', 3);
    expect(await givenAtOnce(1, 'CopyImage')).toBe(3);
  });

  test('are counted over all processes, for each region and operation by itself', async () => {
    await givenAtOnce(1, 'CopyImage');
    expect(await budget(1).take(eu, 'CopyImage')).toBeGreaterThan(0);
    expect(await budget(1).take(us, 'CopyImage')).toBe(0);
    expect(await budget(1).take(eu, 'DescribeImages')).toBe(0);
  });

  test('are fewer by the share that is set', async () => {
    expect(await givenAtOnce(0.2, 'CopyImage')).toBe(19);
    await later('CopyImage', 10);
    expect(await givenAtOnce(0.2, 'CopyImage')).toBe(2);
  });

  test('leave a part of the burst to others, who go first', async () => {
    const reads = new RedisCallBudget(redis, prefix, 1, 1 / 2);
    let given = 0;
    while (given < 1000 && (await reads.take(eu, 'CopyImage')) === 0) given += 1;
    expect(given).toBe(48);
    expect(await reads.take(eu, 'CopyImage')).toBeGreaterThan(0);
    expect(await givenAtOnce(1, 'CopyImage')).toBe(49);
    // What comes back is first what was left.
    await later('CopyImage', 40);
    expect(await reads.take(eu, 'CopyImage')).toBeGreaterThan(0);
    await later('CopyImage', 10);
    expect(await reads.take(eu, 'CopyImage')).toBe(0);
  });

  test('are given to reads too where the burst is one call', async () => {
    const reads = new RedisCallBudget(redis, prefix, 0.01, 1 / 2);
    expect(await reads.take(eu, 'DescribeImages')).toBe(0);
    expect(await reads.take(eu, 'DescribeImages')).toBeGreaterThan(0);
  });

  test('leave nothing behind for good', async () => {
    await budget(1).take(eu, 'DescribeImages');
    expect(await redis.ttl(storeKeys(prefix).calls(eu, 'DescribeImages'))).toBeGreaterThan(0);
  });
});

describe('a refusal by EC2', () => {
  test('empties the bucket, which then fills at half the pace, and at its own after a minute', async () => {
    await budget(1).refused(eu, 'CopyImage');
    expect(await givenAtOnce(1, 'CopyImage')).toBe(0);
    await later('CopyImage', 4);
    // Half of 1 a second, and a little that the pace has recovered.
    expect(await givenAtOnce(1, 'CopyImage')).toBe(2);
    await later('CopyImage', 60);
    await givenAtOnce(1, 'CopyImage');
    await later('CopyImage', 4);
    expect(await givenAtOnce(1, 'CopyImage')).toBe(4);
  });

  test('counts once however many calls it met at the same time', async () => {
    for (let i = 0; i < 20; i += 1) await budget(1).refused(eu, 'CopyImage');
    await later('CopyImage', 4);
    expect(await givenAtOnce(1, 'CopyImage')).toBe(2);
  });
});
