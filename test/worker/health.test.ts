import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { startPrivateRedis } from '../../tools/dev/private-redis.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { runEntry } from '../helpers/processes.ts';
import { until } from '../helpers/waiting.ts';

test('a worker without Redis is alive and not ready, so that nobody restarts it, and works once Redis is there', async () => {
  const [redisPort, healthPort] = [await freePort(), await freePort()];
  const dir = await mkdtemp(join(tmpdir(), 'amiferry-health-'));
  const worker = runEntry(PROJECT_DIR, 'src/bin/worker.ts', {
    HOST: '127.0.0.1',
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    WORKER_HEALTH_PORT: String(healthPort),
    AWS_EC2_METADATA_DISABLED: 'true',
  });
  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${healthPort}${path}`).catch(() => null);
    return answer && [answer.status, await answer.json()];
  };
  try {
    await until(async () => (await ask('/health/live')) !== null);
    expect(await ask('/health/live')).toEqual([200, { status: 'ok' }]);
    expect(await ask('/health/ready')).toEqual([503, { status: 'starting' }]);
    const redis = await startPrivateRedis({ dir, port: redisPort });
    try {
      await worker.untilSays('worker ready');
      expect(await ask('/health/ready')).toEqual([200, { status: 'ok' }]);
    } finally {
      await redis.stop();
    }
    await until(async () => JSON.stringify(await ask('/health/ready'))?.includes('redis-unavailable'));
    expect(await ask('/health/live')).toEqual([200, { status: 'ok' }]);
  } finally {
    worker.kill('SIGKILL');
    await worker.ended;
    await rm(dir, { recursive: true, force: true });
  }
});
