import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { begin, onCopy } from '../helpers/transitions.ts';
import type { Image } from '../../src/http/schemas/image.ts';
import type { CopyJob, JobPage } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

describe('with a worker', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  test('a copy is accepted, followed to its end and found in the lineage', async () => {
    const answer = await api.post(COPIES, {
      name: 'golden-web-2026.11',
      tags: { team: 'web' },
      destinations: [{ region: 'eu-west-1' }, { region: 'us-west-2', name: 'golden-west' }],
    });
    const accepted = answer.json<CopyJob>();
    expect(answer.statusCode).toBe(202);
    expect(answer.headers['location']).toBe(`/jobs/${accepted.id}`);
    expect(accepted).toMatchObject({
      kind: 'copy',
      state: 'queued',
      image: { id: 'ami-0a1b2c3d4e5f60001', region: 'us-east-1', name: 'golden-web' },
      progress: 0,
      requestedBy: 'anonymous',
      finishedAt: null,
    });
    expect(accepted.destinations.map(({ region, name, state }) => [region, name, state])).toEqual([
      ['eu-west-1', 'golden-web-2026.11', 'queued'],
      ['us-west-2', 'golden-west', 'queued'],
    ]);

    const finished = (await api.get(`/jobs/${accepted.id}`, { prefer: 'wait=20' })).json<CopyJob>();
    expect(finished).toMatchObject({ state: 'succeeded', progress: 100 });
    expect(Date.parse(finished.finishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(finished.createdAt));

    const lineage = (await api.get(COPIES)).json<{ copies: object[]; unanswered: { region: string }[] }>();
    // Regions that have to be opted into are not enabled, as in a new account.
    const asked = (region: string) => lineage.unanswered.every((one) => one.region !== region);
    expect(finished.destinations.map(({ region }) => asked(region))).toEqual([true, true]);
    expect(lineage.copies).toHaveLength(2);
    for (const { imageId, region, name } of finished.destinations) {
      const copy = { imageId, region, name, state: 'available', jobId: accepted.id };
      expect(lineage.copies).toContainEqual(expect.objectContaining(copy));
    }
    const [copy] = finished.destinations;
    const back = await api.get(`/amis/${copy?.imageId}/copies?region=${copy?.region}`);
    expect(back.json()).toMatchObject({
      ancestors: [{ imageId: 'ami-0a1b2c3d4e5f60001', region: 'us-east-1' }],
      copies: [],
    });
  });

  test('nothing is left to cancel or to retry of what has succeeded', async () => {
    const { id } = (
      await api.post(COPIES, { destinations: [{ region: 'eu-west-2' }] }, { prefer: 'wait=20' })
    ).json<CopyJob>();
    const cancel = await api.post(`/jobs/${id}/cancel`);
    expect([cancel.statusCode, cancel.json<Problem>().code]).toEqual([409, 'job-finished']);
    const retry = await api.post(`/jobs/${id}/retry`);
    expect([retry.statusCode, retry.json<Problem>().code]).toEqual([409, 'nothing-to-retry']);
  });

  test('what has failed shows why, and is tried again', async () => {
    await api.service.control.fault({
      action: 'CopyImage',
      region: 'eu-west-3',
      times: 1,
      copyFails: { reason: 'the disk is on fire' },
    });
    const request = { destinations: [{ region: 'eu-west-3' }] };
    const failed = (await api.post(COPIES, request, { prefer: 'wait=20' })).json<CopyJob>();
    expect(failed.state).toBe('failed');
    expect(failed.destinations[0]?.error).toMatchObject({
      code: 'copy-failed',
      message: expect.stringContaining('the disk is on fire'),
    });
    const retried = await api.post(`/jobs/${failed.id}/retry`, undefined, { prefer: 'wait=20' });
    expect(retried.statusCode).toBe(200);
    expect(retried.json<CopyJob>()).toMatchObject({
      state: 'succeeded',
      destinations: [{ attempts: 2, error: null }],
    });
  });
});

describe('without a worker', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ workers: 0 });
  });
  afterAll(() => api.stop());

  test('an image is shown as EC2 describes it', async () => {
    const image = (await api.get('/amis/ami-0a1b2c3d4e5f60002')).json<Image>();
    expect(image).toMatchObject({
      imageId: 'ami-0a1b2c3d4e5f60002',
      region: 'us-east-1',
      name: 'golden-db',
      state: 'available',
      public: false,
      encrypted: true,
      source: null,
      tags: { Name: 'golden-db', team: 'data' },
    });
    expect(image.snapshots.map(({ sizeGiB }) => sizeGiB)).toEqual([16, 100]);
  });

  test('what is queued is cancelled at once', async () => {
    const { id } = (await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] })).json<CopyJob>();
    const answer = await api.post(`/jobs/${id}/cancel`);
    expect(answer.statusCode).toBe(202);
    expect(answer.json<CopyJob>()).toMatchObject({
      state: 'cancelled',
      destinations: [{ state: 'cancelled', stopping: null }],
    });
  });

  test('an empty body with a Content-Type is no body', async () => {
    const { id } = (await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] })).json<CopyJob>();
    const answer = await api.call({
      method: 'POST',
      url: `/jobs/${id}/cancel`,
      headers: { 'content-type': 'application/json' },
      payload: '',
    });
    expect(answer.statusCode).toBe(202);
  });

  test('a copy that is being taken down says so', async () => {
    const { service } = api;
    const { id } = (await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] })).json<CopyJob>();
    await service.store.update(id, onCopy(begin('eu-west-1')));
    const answer = (await api.post(`/jobs/${id}/cancel`)).json<CopyJob>();
    expect(answer).toMatchObject({
      state: 'running',
      destinations: [{ state: 'queued', stopping: 'cancel' }],
    });
  });

  test('jobs are listed newest first, page by page, and filtered', async () => {
    const all: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      const source = `/amis/ami-0a1b2c3d4e5f6000${i < 2 ? 2 : 3}/copies`;
      all.unshift((await api.post(source, { destinations: [{ region: 'eu-west-1' }] })).json<CopyJob>().id);
    }
    const listed: string[] = [];
    let page = (await api.get('/jobs?limit=2&imageId=ami-0a1b2c3d4e5f60003')).json<JobPage>();
    for (;;) {
      listed.push(...page.jobs.map(({ id }) => id));
      if (page.nextCursor === null) break;
      page = (
        await api.get(`/jobs?limit=2&imageId=ami-0a1b2c3d4e5f60003&cursor=${page.nextCursor}`)
      ).json<JobPage>();
    }
    expect(listed).toEqual(all.slice(0, 3));
    const queued = (await api.get('/jobs?state=queued&kind=copy&limit=5')).json<JobPage>();
    expect(queued.jobs.map(({ id }) => id)).toEqual(all);
    expect((await api.get('/jobs?state=failed')).json<JobPage>()).toEqual({ jobs: [], nextCursor: null });
  });

  test('EC2 refusing the credentials is 502, with its own code and request id', async () => {
    await api.service.control.fault({
      action: 'DescribeImages',
      region: 'us-east-1',
      times: 1,
      error: 'UnauthorizedOperation',
      status: 403,
    });
    const answer = await api.get('/amis/ami-0a1b2c3d4e5f60001');
    expect(answer.statusCode).toBe(502);
    expect(answer.json<Problem>()).toMatchObject({
      code: 'ec2-access-denied',
      awsCode: 'UnauthorizedOperation',
      awsRequestId: expect.stringMatching(/./),
    });
  });

  test('EC2 throttling is 503 with Retry-After', async () => {
    await api.service.control.fault({
      action: 'DescribeImages',
      region: 'us-east-1',
      times: 2,
      error: 'RequestLimitExceeded',
      status: 503,
    });
    const answer = await api.get('/amis/ami-0a1b2c3d4e5f60001');
    expect([answer.statusCode, answer.json<Problem>().code]).toEqual([503, 'ec2-throttled']);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });
});
