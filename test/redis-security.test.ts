import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from './helpers/free-port.ts';
import { PROJECT_DIR } from '../tools/dev/project.ts';
import { findOnPath, findRedisServer } from '../tools/dev/redis-server.ts';
import { stopChild } from '../tools/dev/stop-child.ts';
import { connectRedis } from '../src/queue/connections.ts';
import { runEntry } from './helpers/processes.ts';
import { until } from './helpers/waiting.ts';
import type { Run } from './helpers/processes.ts';

const server = findRedisServer();
const hasTls = server !== undefined && findOnPath('openssl') !== undefined && speaksTls(server);
if (!hasTls)
  process.stdout.write('Redis with TLS is not tested: redis-server lacks TLS, or there is no openssl.\n');

/** Redis ends at the first setting that it doesn't know, and names it: built without TLS that is tls-port. */
function speaksTls(path: string): boolean {
  const { stderr } = spawnSync(path, ['--tls-port', '0', '--no-such-setting', '1'], { encoding: 'utf8' });
  return stderr.includes('no-such-setting');
}

const PASSWORD = 'correct-horse-battery';
const WRONG = 'wrong-staple-secret';

describe.skipIf(!hasTls)('Redis with a password, over TLS', () => {
  let dir: string;
  let port: number;
  let certificate: string;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'amiferry-tls-'));
    port = await freePort();
    certificate = join(dir, 'cert.pem');
    await makeCertificate(dir);
    stop = await startTlsRedis(server ?? '', dir, port);
  });
  afterAll(async () => {
    await stop?.();
    await rm(dir, { recursive: true, force: true });
  });

  const runApi = (password: string, env: Record<string, string>): Promise<{ run: Run; url: string }> =>
    freePort().then((apiPort) => ({
      url: `http://127.0.0.1:${apiPort}`,
      run: runEntry(PROJECT_DIR, 'src/bin/api.ts', {
        HOST: '127.0.0.1',
        PORT: String(apiPort),
        REDIS_URL: `rediss://:${password}@127.0.0.1:${port}`,
        AWS_EC2_METADATA_DISABLED: 'true',
        ...env,
      }),
    }));

  const redisCheck = async (url: string) => {
    const answer = await fetch(`${url}/health/ready`).catch(() => null);
    const health = (await answer?.json()) as { checks: { name: string; ok: boolean; why: string | null }[] };
    return health?.checks.find(({ name }) => name === 'redis');
  };

  test('works with the right password and a certificate that is trusted', async () => {
    const { run, url } = await runApi(PASSWORD, { NODE_EXTRA_CA_CERTS: certificate });
    try {
      await until(async () => (await redisCheck(url))?.ok === true);
      expect((await fetch(`${url}/jobs`)).status).toBe(200);
    } finally {
      run.kill('SIGTERM');
      await run.ended;
    }
    expect(run.output()).not.toContain(PASSWORD);
  });

  test('says in words that the password is wrong, and never which', async () => {
    const { run, url } = await runApi(WRONG, { NODE_EXTRA_CA_CERTS: certificate });
    try {
      let check: Awaited<ReturnType<typeof redisCheck>>;
      await until(async () => (check = await redisCheck(url)) !== undefined);
      expect(check?.why).toMatch(/password/i);
      expect(JSON.stringify(check)).not.toContain(WRONG);
      expect((await fetch(`${url}/jobs`)).status).toBe(503);
    } finally {
      run.kill('SIGTERM');
      await run.ended;
    }
    expect(run.output()).toMatch(/WRONGPASS|password/);
    expect(run.output()).not.toContain(WRONG);
  });

  test("is reached by the runbook's command as by the service, and no password is repeated", async () => {
    const ask = async (password: string, command: string[]) => {
      const REDIS_URL = `rediss://:${password}@127.0.0.1:${port}`;
      const env = { REDIS_URL, NODE_EXTRA_CA_CERTS: certificate };
      const run = runEntry(PROJECT_DIR, 'src/bin/redis.ts', env, command);
      return { code: await run.ended, output: run.output() };
    };
    expect(await ask(PASSWORD, ['SET', '{amiferry}:x', 'a b'])).toEqual({ code: 0, output: 'OK\n' });
    expect(await ask(PASSWORD, ['MGET', '{amiferry}:x', '{amiferry}:y'])).toEqual({
      code: 0,
      output: 'a b\n(nil)\n',
    });
    const refused = await ask(WRONG, ['PING']);
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(/WRONGPASS|password/);
    expect(refused.output).not.toContain(WRONG);
    expect(await ask(PASSWORD, ['NO-SUCH-COMMAND'])).toMatchObject({
      code: 1,
      output: expect.stringContaining('Unknown Redis command'),
    });
  });

  test('does not talk to a Redis whose certificate nobody vouches for', async () => {
    const said: string[] = [];
    const url = `rediss://:${PASSWORD}@127.0.0.1:${port}`;
    const redis = connectRedis(url, 'fail-fast', ({ message }) => said.push(message));
    await until(() => said.length > 0);
    expect(await redis.ping().catch(() => 'no answer')).toBe('no answer');
    redis.disconnect();
    expect(said[0]).toMatch(/self.signed certificate/i);
    expect(said.join()).not.toContain(PASSWORD);
  });
});

async function makeCertificate(dir: string): Promise<void> {
  await promisify(execFile)('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=127.0.0.1',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
    '-keyout',
    join(dir, 'key.pem'),
    '-out',
    join(dir, 'cert.pem'),
  ]);
}

async function startTlsRedis(path: string, dir: string, port: number): Promise<() => Promise<void>> {
  const settings = {
    port: '0',
    'tls-port': String(port),
    'tls-cert-file': join(dir, 'cert.pem'),
    'tls-key-file': join(dir, 'key.pem'),
    'tls-auth-clients': 'no',
    bind: '127.0.0.1',
    requirepass: PASSWORD,
    save: '',
    'maxmemory-policy': 'noeviction',
    dir,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  child.stdout.on('data', (chunk) => (said += String(chunk)));
  await until(() => said.includes('Ready to accept connections') || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`Redis did not start:\n${said}`);
  return () => stopChild(child, 5000);
}
