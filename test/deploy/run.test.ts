import { afterAll, beforeAll, expect, test } from 'vitest';
import { accessOf } from '../../src/auth/settings.ts';
import { readConfig } from '../../src/config.ts';
import { closeRedis, connectRedis } from '../../src/queue/connections.ts';
import { until } from '../helpers/waiting.ts';
import { dropPrefix, testPrefix, testRedisUrl } from '../helpers/redis.ts';
import { containerOf, manifest } from './manifests.ts';
import type { RenderedService } from './rendered-service.ts';
import { startRendered } from './rendered-service.ts';

const prefix = testPrefix();
const COPIES = '/amis/ami-0a1b2c3d4e5f60001/copies?region=us-east-1';

let service: RenderedService;

beforeAll(async () => {
  service = await startRendered({ REDIS_URL: testRedisUrl(), QUEUE_PREFIX: prefix });
});

afterAll(async () => {
  await service.stop();
  const redis = connectRedis(testRedisUrl(), 'fail-fast', () => {});
  await until(() => redis.status === 'ready');
  await dropPrefix(redis, prefix);
  await closeRedis(redis);
});

test('listening everywhere as in the cluster, the API asks everybody for credentials', () => {
  const config = readConfig(service.settings);
  expect(config.host).toBe('0.0.0.0');
  const access = accessOf(config);
  expect(access.authenticate).not.toBeNull();
  expect(access.loopbackOnly).toBe(false);
});

test.each(['amiferry-api', 'amiferry-worker'] as const)('%s answers its probes', async (name) => {
  const { startupProbe, livenessProbe, readinessProbe } = containerOf(name);
  for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe])
    await until(async () => (await service.ask(name, httpGet.path))?.status === 200);
});

test('whom the policy names copies, and whom it does not, not', async () => {
  const headers = { 'x-api-key': service.secret, 'content-type': 'application/json' };
  const copy = (region: string) => {
    const body = JSON.stringify({ destinations: [{ region }] });
    return service.ask('amiferry-api', COPIES, { method: 'POST', headers, body });
  };
  expect((await service.untilFinished(await copy('eu-west-1'))).state).toBe('succeeded');
  expect((await copy('us-east-1'))?.status).toBe(403);
  expect((await service.ask('amiferry-api', COPIES))?.status).toBe(401);
});

test('Prometheus is let in as the monitors have it', async () => {
  const [{ path, authorization }] = manifest('ServiceMonitor', 'amiferry-api').spec['endpoints'] as [
    { path: string; authorization: { type: string } },
  ];
  const headers = { authorization: `${authorization.type} ${service.secret}` };
  const api = await service.ask('amiferry-api', path, { headers });
  expect(await api?.text()).toContain('amiferry_redis_up 1');
  const [pods] = manifest('PodMonitor', 'amiferry-worker').spec['podMetricsEndpoints'] as [{ path: string }];
  const worker = await service.ask('amiferry-worker', pods.path);
  expect(await worker?.text()).toContain('amiferry_ec2_calls_total');
});

test('asked to end, both end cleanly', async () => {
  expect(await service.end()).toEqual([0, 0]);
});
