import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Health } from '../../src/http/schemas/health.ts';
import type { Job, JobPage } from '../../src/http/schemas/job.ts';
import { STEPPED } from '../helpers/service.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

let api: Api;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.stop());

const TO_IRELAND = { destinations: [{ region: 'eu-west-1' }] };
const codes = ({ warnings }: Job) => warnings.map(({ code }) => code);

/** What each place says of workers: readiness, the metric, the answer to a job and the list of jobs. */
async function told(id: string) {
  const { checks } = (await api.get('/health/ready')).json<Health>();
  const metrics = (await api.get('/metrics')).body;
  const { jobs } = (await api.get('/jobs')).json<JobPage>();
  return {
    ready: checks.find(({ name }) => name === 'workers')?.ok,
    metric: Number(/^amiferry_workers (\d+)$/m.exec(metrics)?.[1]),
    job: codes((await api.get(`/jobs/${id}`)).json<Job>()),
    listed: jobs.map(codes),
  };
}

test('with no worker a job says so, and readiness and the metric do; with one they do not', async () => {
  await api.service.workers.leave(STEPPED);
  const accepted = await api.post(COPIES, TO_IRELAND);
  expect([accepted.statusCode, codes(accepted.json<Job>())]).toEqual([202, ['no-worker']]);
  const { id } = accepted.json<Job>();
  expect(await told(id)).toEqual({ ready: false, metric: 0, job: ['no-worker'], listed: [['no-worker']] });
  expect((await api.get('/health/ready')).statusCode).toBe(200);

  await api.service.workers.beat(STEPPED);
  expect(await told(id)).toEqual({ ready: true, metric: 1, job: [], listed: [[]] });
  expect((await api.service.store.get(id))?.warnings).toEqual([]);
});

test('a job that has ended needs no worker', async () => {
  const { id } = (await api.post(COPIES, TO_IRELAND)).json<Job>();
  await api.service.untilFinished(id);
  await api.service.workers.leave(STEPPED);
  expect(await told(id)).toEqual({ ready: false, metric: 0, job: [], listed: [[]] });
});

test('a worker process counts from its start until it stops', async () => {
  const { service } = api;
  await service.workers.leave(STEPPED);
  const worker = await service.startWorker();
  await service.until(async () => (await service.workers.count()) === 1);
  await worker.close();
  expect(await service.workers.count()).toBe(0);
});
