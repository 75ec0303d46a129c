import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../src/dev/free-port.ts';
import { PROJECT_DIR } from '../../src/dev/project.ts';
import type { Run } from '../helpers/processes.ts';
import { runEntry, until } from '../helpers/processes.ts';
import { testPrefix, testRedisUrl } from '../helpers/redis.ts';

let dir: string;
let env: Record<string, string>;
let api: Run;
let url: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-hangup-'));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  env = {
    API_KEYS_FILE: join(dir, 'keys.json'),
    POLICY_FILE: join(dir, 'policy.json'),
    REDIS_URL: testRedisUrl(),
    QUEUE_PREFIX: testPrefix(),
    PORT: String(port),
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  await writeFile(join(dir, 'keys.json'), '{"keys": []}');
  await writeFile(join(dir, 'policy.json'), '{"principals": {}}');
  api = runEntry(PROJECT_DIR, 'api.ts', env);
  await api.untilSays(/Server listening/);
});
afterAll(async () => {
  api.kill('SIGTERM');
  await api.ended;
  await rm(dir, { recursive: true, force: true });
});

async function apiKey(...args: string[]): Promise<string> {
  const run = runEntry(PROJECT_DIR, 'api-key.ts', env, args);
  expect(await run.ended, run.output()).toBe(0);
  return run.output();
}

const status = async (secret: string) =>
  (await fetch(`${url}/jobs`, { headers: { 'x-api-key': secret } })).status;

test('SIGHUP takes over a new key, then its end, and survives a file that is no good', async () => {
  const [secret = ''] = /amiferry_\S+/.exec(await apiKey('create', 'ci', '--scopes', 'amis:read')) ?? [];
  expect(await status(secret)).toBe(401);
  api.kill('SIGHUP');
  await until(async () => (await status(secret)) === 200);

  await writeFile(join(dir, 'policy.json'), '{"principals": ');
  api.kill('SIGHUP');
  await api.untilSays(/stays in force/);
  expect(await status(secret)).toBe(200);

  const [id = ''] = /^[0-9a-f]{12}/.exec(await apiKey('list')) ?? [];
  await apiKey('revoke', id);
  api.kill('SIGHUP');
  await until(async () => (await status(secret)) === 401);
  expect(api.output()).not.toContain(secret);
});
