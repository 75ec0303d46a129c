import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPrivateRedis } from '../../tools/dev/private-redis.ts';

/** One Redis for the whole run: that of REDIS_URL, else a private one. Each test uses its own prefix. */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['REDIS_URL']) return undefined;
  const dir = await mkdtemp(join(tmpdir(), 'amiferry-test-'));
  const redis = await startPrivateRedis({ dir });
  process.env['REDIS_URL'] = redis.url;
  return async () => {
    await redis.stop();
    await rm(dir, { recursive: true, force: true });
  };
}
