import { OWN } from '../helpers/account.ts';
import { afterEach, expect, test } from 'vitest';
import { callLimit } from '../../src/aws/ec2/call-limits.ts';
import { RedisCallBudget } from '../../src/store/call-budget.ts';
import { connectRedis, closeRedis } from '../../src/queue/connections.ts';
import type { Service } from '../helpers/service.ts';
import { startService } from '../helpers/service.ts';
import { testRedisUrl } from '../helpers/redis.ts';

let service: Service;
afterEach(() => service.stop());

const EU = 'eu-west-1';

/** Leaves so many calls of CopyImage in eu-west-1 of those that may be made at once. */
async function leave(calls: number): Promise<void> {
  const redis = connectRedis(testRedisUrl(), 'blocking', () => {});
  const budget = new RedisCallBudget(redis, service.prefix, 1);
  const surplus = Math.floor(callLimit('CopyImage', 1).burst) - calls;
  for (let i = 0; i < surplus; i += 1) await budget.take({ account: OWN, region: EU }, 'CopyImage');
  await closeRedis(redis);
}

async function copyInto(region: string): Promise<string> {
  return (await service.copy({ destinations: [{ region }] })).id;
}

test('copies for which there is no call waits, and go on as EC2 gives calls, without one refusal', async () => {
  service = await startService({ settings: { callShare: 1 }, simulator: { throttle: true } });
  await leave(3);
  const ids: string[] = [];
  for (let i = 0; i < 6; i += 1) {
    ids.push(await copyInto(EU));
    await service.steps.runDue();
    // A place in the wait queue is a time in milliseconds.
    await service.steps.advance(2);
  }
  const other = await copyInto('us-west-2');
  await service.untilJob(ids[5] ?? '', ({ destinations: [one] }) => one?.state === 'waiting');
  await service.untilFinished(other);
  const jobs = await Promise.all(ids.map((id) => service.untilFinished(id)));

  expect(jobs.map(({ destinations: [one] }) => [one?.state, one?.attempts])).toEqual(
    ids.map(() => ['succeeded', 1]),
  );
  const { copyImage, errors } = await service.control.calls();
  expect(errors).toEqual({});
  const called = copyImage.filter(({ region }) => region === EU);
  expect(called).toHaveLength(6);
  // Those who waited were called in the order in which they came, one a second.
  const tokens = new Map(called.map((call) => [call.imageId, Date.parse(call.at)]));
  const times = jobs.slice(3).map(({ destinations: [one] }) => tokens.get(one?.imageId ?? '') ?? 0);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});

test('a copy that EC2 throttles waits again, and uses up no attempt', async () => {
  service = await startService({ settings: { callShare: 1 } });
  await service.control.fault({ action: 'CopyImage', region: EU, error: 'RequestLimitExceeded' });
  const id = await copyInto(EU);
  const waiting = await service.untilJob(id, ({ destinations: [one] }) => one?.state === 'waiting');
  expect(waiting.destinations[0]?.startedAt).toBeNull();
  const [ended] = (await service.untilFinished(id)).destinations;
  expect(ended).toMatchObject({ state: 'succeeded', attempts: 1 });
  const { copyImage } = await service.control.calls();
  expect(copyImage.map(({ error }) => error)).toEqual(['RequestLimitExceeded', null]);
  expect(new Set(copyImage.map(({ clientToken }) => clientToken)).size).toBe(1);
});

test('a look at a region that may not be called now comes later', async () => {
  service = await startService({ workers: 0, settings: { callShare: 0.01 } });
  // One call of DescribeImages in five seconds.
  const scope = { account: OWN, region: EU };
  await service.gateway.findImages(scope, {});
  await expect(service.gateway.findImages(scope, {})).rejects.toMatchObject({
    kind: 'throttled',
    code: 'ec2-throttled',
  });
  expect((await service.control.calls()).calls['DescribeImages']?.[EU]).toBe(1);
});
