import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { findOnPath } from '../../tools/dev/redis-server.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { startHealthServer } from '../../src/worker/health.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Api } from '../http/api.ts';
import { COPIES, startApi } from '../http/api.ts';

const promtool = findOnPath('promtool');
if (promtool === undefined)
  process.stdout.write(
    'promtool is not here (on Debian: apt-get install prometheus): its linter is left out.\n',
  );

let api: Api;
/** The page after two copies, one of which failed, and a throttled call, and while a third goes on. */
let page: string;

beforeAll(async () => {
  api = await startApi();
  const { control } = api.service;
  api.service.metrics.watchProcess();
  await control.fault({ action: 'CopyImage', region: 'eu-west-1', times: 1, copyFails: { reason: 'no' } });
  await control.fault({ action: 'CopyImage', region: 'us-west-2', error: 'RequestLimitExceeded' });
  const request = { destinations: [{ region: 'eu-west-1' }, { region: 'us-west-2' }] };
  await api.post(COPIES, request, { prefer: 'wait=25' });
  await api.get('/jobs/none');
  const slow = { tags: { 'simulator:seconds': '600' }, destinations: [{ region: 'eu-west-2' }] };
  const { id } = (await api.post(COPIES, slow)).json<Job>();
  await api.service.untilJob(id, (job) => job.destinations[0]?.state === 'pending');
  await api.get('/no/such/route');
  // Those of a worker that listens to EC2's events.
  api.service.metrics.eventsQueueUp(true);
  api.service.metrics.ec2Event('noticed', { region: 'eu-west-1' });
  // Those of processes that were given files.
  api.service.metrics.watchFiles([
    { setting: 'POLICY_FILE', stale: true },
    { setting: 'API_KEYS_FILE', stale: false },
  ]);
  page = (await api.get('/metrics')).body;
});
afterAll(() => api.stop());

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"/g;

/** The samples of a page in the text format 0.0.4. Fails on any line that is none. */
function samplesOf(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', inner = '', value] = LINE.exec(line) ?? [];
    expect(name, line).not.toBe('');
    const labels = [...inner.matchAll(LABEL)].map(([, label = '', is = '']) => [label, is]);
    expect(labels.map(([label, is]) => `${label}="${is}"`).join(','), line).toBe(inner);
    return { name, labels: Object.fromEntries(labels), value: Number(value?.replace('Inf', 'Infinity')) };
  });
}

const typesOf = (text: string) =>
  new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]));

/** The value of the sample with these labels, others aside. */
function valueOf(name: string, labels: Record<string, string> = {}, text = page): number | undefined {
  const found = samplesOf(text).find(
    (one) => one.name === name && Object.entries(labels).every(([label, is]) => one.labels[label] === is),
  );
  return found?.value;
}

describe('the page', () => {
  test('is in the text format: HELP and TYPE once for each, samples of a family together, no sample twice', () => {
    expect(page.endsWith('\n')).toBe(true);
    const helps = [...page.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name]) => name);
    expect(helps).toEqual([...typesOf(page).keys()]);
    expect(new Set(helps).size).toBe(helps.length);
    const samples = samplesOf(page);
    const keys = samples.map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`);
    expect(new Set(keys).size).toBe(keys.length);
    const families = samples.map(({ name }) => familyOf(name));
    const runs = families.filter((family, i) => family !== families[i - 1]);
    expect(new Set(runs).size).toBe(runs.length);
  });

  /** The metric that a sample belongs to: a histogram has three kinds of samples. */
  function familyOf(name: string): string {
    const base = name.replace(/_(?:bucket|sum|count)$/, '');
    return typesOf(page).has(base) ? base : name;
  }

  test('names its metrics as Prometheus would have them: base units, _total on counters alone', () => {
    for (const [name, type] of typesOf(page)) {
      expect(name).toMatch(/^(?:amiferry|process|nodejs)_[a-z0-9_]+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name).not.toMatch(/_(?:histogram|summary|gauge|counter)(?:_|$)/);
      expect(name).not.toMatch(/milli|micro|_ms|minutes|percent|kilo|mega|_(?:count|sum|bucket)$/);
      if (type === 'histogram' && name.startsWith('amiferry_')) expect(name).toMatch(/_(?:seconds|bytes)$/);
    }
  });

  test.skipIf(promtool === undefined)("has nothing that Prometheus' own linter holds against it", () => {
    const { status, stdout, stderr } = spawnSync(promtool ?? '', ['check', 'metrics'], { input: page });
    expect([status, `${String(stdout)}${String(stderr)}`]).toEqual([0, '']);
  });

  test('has histograms that are complete and rise', () => {
    const histograms = [...typesOf(page)].filter(([, type]) => type === 'histogram').map(([name]) => name);
    expect(histograms.length).toBeGreaterThanOrEqual(3);
    const samples = samplesOf(page);
    for (const name of histograms) {
      const infinite = samples.filter((one) => one.name === `${name}_bucket` && one.labels['le'] === '+Inf');
      const counts = samples.filter((one) => one.name === `${name}_count`);
      expect(infinite.map(({ value }) => value)).toEqual(counts.map(({ value }) => value));
      expect(samples.filter((one) => one.name === `${name}_sum`)).toHaveLength(counts.length);
    }
  });

  test('has only labels of few values', () => {
    const labels = new Set(
      samplesOf(page)
        .filter(({ name }) => name.startsWith('amiferry_'))
        .flatMap((one) => Object.keys(one.labels)),
    );
    const bounded = ['route', 'method', 'status', 'operation', 'region', 'outcome', 'state', 'le', 'setting'];
    expect(bounded).toEqual(expect.arrayContaining([...labels]));
    expect(page).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-|ami-0/);
  });

  test('tells what happened', () => {
    const requests = 'amiferry_http_request_duration_seconds_count';
    expect(valueOf(requests, { route: '/amis/:imageId/copies', method: 'POST', status: '200' })).toBe(1);
    expect(valueOf(requests, { route: '/jobs/:id', status: '400' })).toBe(1);
    expect(valueOf(requests, { route: 'none', status: '404' })).toBe(1);
    expect(valueOf('amiferry_jobs', { state: 'partial' })).toBe(1);
    expect(valueOf('amiferry_jobs', { state: 'running' })).toBe(1);
    expect(valueOf('amiferry_accounts', { state: 'pending' })).toBe(1);
    expect(valueOf('amiferry_accounts', { state: 'waiting' })).toBe(0);
    expect(valueOf('amiferry_jobs', { state: 'failed' })).toBe(0);
    expect(valueOf('amiferry_destinations_finished_total', { region: 'eu-west-1', state: 'failed' })).toBe(1);
    expect(valueOf('amiferry_destinations_finished_total', { region: 'us-west-2', state: 'succeeded' })).toBe(
      1,
    );
    expect(valueOf('amiferry_copy_time_to_available_seconds_count', { region: 'us-west-2' })).toBe(1);
    expect(valueOf('amiferry_copy_time_to_available_seconds_sum', { region: 'us-west-2' })).toBeGreaterThan(
      0.4,
    );
    const calls = (outcome: string) =>
      valueOf('amiferry_ec2_calls_total', { operation: 'CopyImage', region: 'us-west-2', outcome });
    expect([calls('ok'), calls('throttled')]).toEqual([1, 1]);
    expect(valueOf('amiferry_ec2_call_duration_seconds_count', { operation: 'CopyImage' })).toBe(4);
    expect(valueOf('amiferry_queue_steps', { state: 'waiting' })).toBeGreaterThanOrEqual(0);
    expect(valueOf('amiferry_queue_oldest_step_age_seconds')).toBeLessThan(60);
    expect(valueOf('amiferry_redis_up')).toBe(1);
    expect(valueOf('amiferry_workers')).toBe(1);
    expect(valueOf('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
  });
});

test('copies in progress, those in line and open streams are counted', async () => {
  const busy = await startApi({ simulator: { copySeconds: 60 }, settings: { copySlots: 1 } });
  try {
    for (let i = 0; i < 3; i += 1) {
      await busy.post(COPIES, { name: `copy-${i}`, destinations: [{ region: 'eu-west-1' }] });
    }
    await busy.service.steps.runDue();
    const { body } = await busy.get('/metrics');
    const counted = (name: string) => valueOf(name, { region: 'eu-west-1' }, body);
    expect([counted('amiferry_copies_in_progress'), counted('amiferry_destinations_waiting')]).toEqual([
      1, 2,
    ]);
  } finally {
    await busy.stop();
  }
});

test('with Redis away the page is there, and says so', async () => {
  const metrics = new Metrics();
  metrics.watchStore(() => Promise.reject(new Error('Connection is closed.')));
  const text = await metrics.text();
  expect(valueOf('amiferry_redis_up', {}, text)).toBe(0);
  expect(valueOf('amiferry_jobs', { state: 'running' }, text)).toBeUndefined();
  expect(valueOf('amiferry_workers', {}, text)).toBeUndefined();
});

test('a file that is invalid is not in force', () => {
  expect(valueOf('amiferry_file_in_force', { setting: 'POLICY_FILE' })).toBe(0);
  expect(valueOf('amiferry_file_in_force', { setting: 'API_KEYS_FILE' })).toBe(1);
});

test("a worker's metrics are next to its health", async () => {
  const port = await freePort();
  const looks = {
    redis: { info: async () => 'PONG' as const },
    status: () => 'working' as const,
    eventsState: undefined,
    files: [],
    metrics: api.service.metrics,
  };
  const server = await startHealthServer(looks, '127.0.0.1', port);
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(valueOf('amiferry_ec2_calls_total', { outcome: 'ok' }, await answer.text())).toBeGreaterThan(0);
    expect((await fetch(`http://127.0.0.1:${port}/health`)).headers.get('content-type')).toBe(
      'application/json',
    );
  } finally {
    server?.close();
  }
});

describe('deploy/', () => {
  const read = (file: string) => readFileSync(join(PROJECT_DIR, 'deploy', file), 'utf8');
  const dashboard = () => {
    const { panels } = JSON.parse(read('grafana-dashboard.json')) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    return panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const));
  };
  const alerts = () =>
    [...read('prometheus-alerts.yml').matchAll(/- alert: (\w+)\n +expr: '(.*)'\n/g)].map(
      ([, name = '', expr = '']) => [name, expr] as const,
    );
  /** Labels that Prometheus itself gives. */
  const GIVEN = new Set(['instance', 'job']);

  test.skipIf(promtool === undefined)("Prometheus' own linter finds nothing wrong with the alerts", () => {
    const rules = join(PROJECT_DIR, 'deploy/prometheus-alerts.yml');
    const { status, stderr } = spawnSync(promtool ?? '', [
      'check',
      'rules',
      '--lint=all',
      '--lint-fatal',
      rules,
    ]);
    expect([status, String(stderr)]).toEqual([0, '']);
  });

  test.each(['grafana-dashboard.json', 'prometheus-alerts.yml'])('%s has queries', (file) => {
    const queries = file.endsWith('.json') ? dashboard() : alerts();
    expect(queries.length).toBeGreaterThan(8);
    if (file.endsWith('.yml')) expect(read(file).match(/- alert: /g)).toHaveLength(queries.length);
  });

  test.each([...dashboard(), ...alerts()])(
    '%s asks only for metrics and labels that exist',
    (_title, query) => {
      const samples = samplesOf(page);
      const names = query.match(/\b(?:amiferry|nodejs|process)_[a-z0-9_]+/g) ?? [];
      expect(names.length).toBeGreaterThan(0);
      const known = new Set([...typesOf(page).keys(), ...samples.map(({ name }) => name)]);
      for (const name of names) expect(known).toContain(name);
      const labels = new Set(
        samples
          .filter(({ name }) => names.some((one) => name.startsWith(one)))
          .flatMap((one) => Object.keys(one.labels)),
      );
      const asked = [
        ...[...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, */)),
        ...[...query.matchAll(/[{,](\w+)(?:=|!=|=~|!~)"/g)].map(([, label = '']) => label),
      ];
      const unknown = asked.filter((label) => !labels.has(label) && !GIVEN.has(label));
      expect(unknown).toEqual([]);
    },
  );
});
