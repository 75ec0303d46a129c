import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiKeyCommand } from '../../src/auth/api-key-command.ts';
import { freePort } from '../helpers/free-port.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import type { Health } from '../../src/http/schemas/health.ts';
import type { Run } from '../helpers/processes.ts';
import { runEntry } from '../helpers/processes.ts';
import { until } from '../helpers/waiting.ts';
import { testPrefix, testRedisUrl } from '../helpers/redis.ts';

let dir: string;
let env: Record<string, string>;
let api: Run;
let url: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-fresh-'));
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
  api = runEntry(PROJECT_DIR, 'src/bin/api.ts', env);
  await api.untilSays(/Server listening/);
});
afterAll(async () => {
  api.kill('SIGTERM');
  await api.ended;
  await rm(dir, { recursive: true, force: true });
});

function apiKey(...args: string[]): string {
  let output = '';
  const write = (text: string) => void (output += text);
  apiKeyCommand(args, env, { out: write, note: write });
  return output;
}

const status = async (secret: string) =>
  (await fetch(`${url}/jobs`, { headers: { 'x-api-key': secret } })).status;

/** What readiness and metrics say of the files. Readiness names no path, and nothing out of a file. */
async function fileChecks(secret: string) {
  const health = await (await fetch(`${url}/health/ready`)).text();
  expect(health).not.toContain(dir);
  const { checks } = JSON.parse(health) as Health;
  const files = checks.filter(({ name }) => name.endsWith('-file'));
  const metrics = await (await fetch(`${url}/metrics`, { headers: { 'x-api-key': secret } })).text();
  const inForce = [...metrics.matchAll(/^amiferry_file_in_force\{setting="(\w+)"\} (\d)$/gm)];
  return {
    ready: Object.fromEntries(files.map(({ name, ok }) => [name, ok])),
    inForce: Object.fromEntries(inForce.map(([, setting, value]) => [setting, Number(value)])),
  };
}

const policy = (account: string) => JSON.stringify({ principals: { 'key:ci': { accounts: [account] } } });

test('a new key is good within seconds, and a revoked one no longer, without anybody telling the API', async () => {
  const [secret = ''] = /amiferry_\S+/.exec(apiKey('create', 'ci', '--scopes', 'amis:read')) ?? [];
  await until(async () => (await status(secret)) === 200);

  await writeFile(env['POLICY_FILE'] ?? '', '{"principals": ');
  await api.untilSays(/policy\.json","why":"it is not JSON","msg":"[^"]*stays in force/);
  expect(await status(secret)).toBe(200);
  expect(await fileChecks(secret)).toEqual({
    ready: { 'policy-file': false, 'api-keys-file': true },
    inForce: { POLICY_FILE: 0, API_KEYS_FILE: 1 },
  });

  const [id = ''] = /^[0-9a-f]{12}/.exec(apiKey('list')) ?? [];
  apiKey('revoke', id);
  await until(async () => (await status(secret)) === 401);
  expect(api.output()).not.toContain(secret);
});

test('SIGHUP has the files read at once, changed or not', async () => {
  await writeFile(env['POLICY_FILE'] ?? '', policy('222222222222'));
  const times = () => api.output().match(/file read again/g)?.length ?? 0;
  await api.untilSays(/policy\.json","msg":"file read again/);
  const before = times();
  api.kill('SIGHUP');
  await until(() => times() === before + 2);
});

test('the worker takes over a new policy by itself', async () => {
  const port = await freePort();
  const worker = runEntry(PROJECT_DIR, 'src/bin/worker.ts', { ...env, WORKER_HEALTH_PORT: String(port) });
  const health = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
    return [answer.status, await answer.json()];
  };
  try {
    await worker.untilSays(/worker ready/);
    await writeFile(env['POLICY_FILE'] ?? '', policy('333333333333'));
    await worker.untilSays(/policy\.json","msg":"file read again/);
    expect(worker.output()).not.toContain('invalid');
    expect(await health()).toEqual([200, { status: 'ok' }]);
    await rm(env['POLICY_FILE'] ?? '');
    await worker.untilSays(/policy\.json","why":"ENOENT/);
    expect(await health()).toEqual([200, { status: 'ok', stale: ['POLICY_FILE'] }]);
  } finally {
    worker.kill('SIGTERM');
    await worker.ended;
  }
});
