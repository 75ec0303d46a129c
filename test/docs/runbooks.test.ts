import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { authenticator } from '../../src/auth/authenticate.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { ACCESS_SCOPES } from '../../src/domain/access.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import { ofKind } from '../deploy/manifests.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import { COPIES, startApi } from '../http/api.ts';
import { fencedBlocks } from './blocks.ts';

const read = (path: string) => readFileSync(join(PROJECT_DIR, path), 'utf8');
const PAGES = readdirSync(join(PROJECT_DIR, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, text: read(`docs/${name}`) }));
const RUNBOOK = read('docs/operations.md');

/** The commands of a page: lines of its shell blocks, with what goes on in the next line, and what stands in its text. */
function commandsOf(text: string): string[] {
  const inBlocks = fencedBlocks(text)
    .filter(({ info }) => info === 'sh')
    .flatMap((block) => block.text.replaceAll('\\\n', ' ').split('\n'));
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '');
  const inText = [...prose.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replaceAll('\n', ' '));
  return [...inBlocks, ...inText];
}

describe('the commands of the documents', () => {
  test.each(PAGES)('$name: shell blocks are read by a shell', ({ text }) => {
    for (const { text: script } of fencedBlocks(text).filter(({ info }) => info === 'sh')) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
      expect([status, stderr], script).toEqual([0, '']);
    }
  });

  test.each(PAGES)('$name: each curl sends a key, save to what is open to everybody', ({ text }) => {
    const calls = commandsOf(text).filter((line) => /\bcurl -/.test(line));
    const withoutKey = calls.filter((line) => !/X-API-Key|"\$key"|Authorization:/.test(line));
    expect(withoutKey.filter((line) => !/\/health\/(?:ready|live)\b/.test(line))).toEqual([]);
  });

  test('Redis is asked as the service asks it, and redis-cli only beside a Redis of its own', () => {
    const lines = commandsOf(RUNBOOK).filter((line) => /redis-cli \S/.test(line));
    expect(lines.filter((line) => !line.startsWith('docker compose exec redis redis-cli '))).toEqual([]);
    expect(commandsOf(RUNBOOK).filter((line) => line.startsWith('redis ')).length).toBeGreaterThan(8);
  });

  test('name what docker-compose.yml and Kubernetes have', () => {
    const { services } = parse(read('docker-compose.yml'), { merge: true }) as { services: object };
    const inCompose = [
      ...RUNBOOK.matchAll(/docker compose (?:exec|cp|ps|run|logs)((?: -+\S+| "\S+)*)((?: [a-z]+\b)+)/g),
    ];
    const named = inCompose.map(([, , words = '']) => words.trim().split(' ')[0]);
    expect(named.length).toBeGreaterThan(4);
    expect(named.filter((name = '') => !(name in services))).toEqual([]);
    const deployments = ofKind('Deployment').map(({ metadata }) => metadata.name);
    const inCluster = [...RUNBOOK.matchAll(/(?:deployment\/|\bname=|\(|, )(amiferry-(?:api|worker))\b/g)];
    expect(inCluster.length).toBeGreaterThan(2);
    expect(deployments).toEqual(expect.arrayContaining(inCluster.map(([, name]) => name)));
    const [namespace] = ofKind('Namespace').map(({ metadata }) => metadata.name);
    for (const [, given] of RUNBOOK.matchAll(/kubectl -n (\S+)/g)) expect(given).toBe(namespace);
  });
});

describe("the operator's key", () => {
  const scopes = /api-key -- create operator --scopes (\S+)/.exec(RUNBOOK)?.[1]?.split(',') ?? [];

  test('sees, cancels and retries what others have asked for, without rules of its own', async () => {
    const keys = new TestKeys();
    const policy = new TestPolicy({ 'key:team': EVERYTHING });
    const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
    const api = await startApi({ policy }, { authenticate });
    const team = { 'x-api-key': keys.make('team') };
    const known = ACCESS_SCOPES.filter((scope) => scopes.includes(scope));
    expect(known).toHaveLength(scopes.length);
    const operator = { 'x-api-key': keys.make('operator', known) };
    try {
      await api.service.control.fault({ action: 'CopyImage', copyFails: { reason: 'no' } });
      const request = {
        destinations: [{ region: 'eu-west-1' }],
        permissions: { accounts: ['222222222222'] },
      };
      const { id } = (await api.post(COPIES, request, team)).json<Job>();
      await api.service.untilFinished(id);
      expect((await api.get('/jobs?state=failed', operator)).body).toContain(id);
      await api.service.control.settings({ copySeconds: 3600 });
      expect((await api.post(`/jobs/${id}/retry`, undefined, operator)).statusCode).toBe(202);
      await api.service.untilJob(id, ({ destinations: [one] }) => one?.state === 'pending');
      expect((await api.post(`/jobs/${id}/cancel`, undefined, operator)).statusCode).toBe(202);
      expect((await api.service.untilFinished(id)).destinations[0]?.state).toBe('cancelled');
      expect((await api.get('/audit', operator)).statusCode).toBe(200);
    } finally {
      await api.stop();
    }
  });
});
