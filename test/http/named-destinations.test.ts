import { keyIn } from '../helpers/account.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditPage } from '../../src/http/schemas/audit.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const REGIONS = ['eu-west-1', 'us-west-2', 'ap-south-1'];

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());
beforeEach(() => api.service.control.reset());

const copied = async (): Promise<Job> =>
  (await api.post(COPIES, { destinations: REGIONS.map((region) => ({ region })) })).json<Job>();
const states = ({ destinations = [] }: Job) => destinations.map(({ state }) => state);
const attempts = ({ destinations = [] }: Job) => destinations.map((one) => one.attempts);
const named = (id: string, verb: string, ...destinations: string[]) =>
  api.post(`/jobs/${id}/${verb}`, { destinations });
const told = async (id: string, action: string) =>
  (await api.get(`/audit?jobId=${id}&action=${action}`)).json<AuditPage>().entries.map(({ what }) => what);

describe('cancel of named destinations', () => {
  test('stops these alone: the others go on and succeed', async () => {
    const { id } = await copied();
    const answer = await named(id, 'cancel', 'us-west-2');
    expect([answer.statusCode, ...states(answer.json<Job>())]).toEqual([
      202,
      'queued',
      'cancelled',
      'queued',
    ]);
    expect(await told(id, 'cancel-job')).toEqual([{ destinations: [keyIn('us-west-2')] }]);
    await api.service.untilFinished(id);
    const job = (await api.get(`/jobs/${id}`)).json<Job>();
    expect([job.state, ...states(job)]).toEqual(['partial', 'succeeded', 'cancelled', 'succeeded']);
  });

  test('takes a destination by account and region too', async () => {
    const { id } = await copied();
    const answer = await named(id, 'cancel', keyIn('us-west-2'));
    expect(states(answer.json<Job>())).toEqual(['queued', 'cancelled', 'queued']);
    const unknown = await named(id, 'cancel', '222222222222/us-west-2');
    expect([unknown.statusCode, unknown.json<Problem>().code]).toEqual([422, 'unknown-destination']);
  });

  test('that have finished is 409, though others go on', async () => {
    const { id } = await copied();
    await named(id, 'cancel', 'us-west-2');
    const again = await named(id, 'cancel', 'us-west-2');
    expect([again.statusCode, again.json<Problem>().code]).toEqual([409, 'job-finished']);
    expect(again.json<Problem>().detail).toContain('us-west-2');
    await api.service.untilFinished(id);
  });
});

describe('retry of named destinations', () => {
  test('tries these alone: the other failed one stays as it is', async () => {
    await api.service.control.fault({ action: 'CopyImage', region: 'eu-west-1', copyFails: { reason: 'x' } });
    await api.service.control.fault({ action: 'CopyImage', region: 'us-west-2', copyFails: { reason: 'x' } });
    const { id } = await copied();
    await api.service.untilFinished(id);
    await api.service.control.reset();
    const answer = await named(id, 'retry', 'eu-west-1');
    expect([answer.statusCode, ...states(answer.json<Job>())]).toEqual([
      202,
      'queued',
      'failed',
      'succeeded',
    ]);
    expect(attempts(answer.json<Job>())).toEqual([2, 1, 1]);
    const other = await named(id, 'retry', 'ap-south-1');
    expect([other.statusCode, other.json<Problem>().code]).toEqual([409, 'nothing-to-retry']);
    expect(other.json<Problem>().detail).toContain('ap-south-1');
  });
});

describe.each(['cancel', 'retry'])('%s', (verb) => {
  test('without a body means all, with no body as with an empty one', async () => {
    const { id } = await copied();
    await api.post(`/jobs/${id}/cancel`);
    for (const body of [undefined, {}])
      expect((await api.post(`/jobs/${id}/${verb}`, body)).statusCode).toBe(409);
  });

  test('of a destination that the job does not have is 422, names those that it has, and does nothing', async () => {
    const { id } = await copied();
    const answer = await named(id, verb, 'us-west-2', 'sa-east-1');
    const problem = answer.json<Problem>();
    expect([answer.statusCode, problem.code]).toEqual([422, 'unknown-destination']);
    expect(problem.detail).toContain(REGIONS.map(keyIn).join(', '));
    expect(problem.errors).toEqual([
      { pointer: '/destinations/1', message: 'sa-east-1 is no destination of this job' },
    ]);
    expect(states((await api.get(`/jobs/${id}`)).json<Job>())).toEqual(['queued', 'queued', 'queued']);
  });

  test('of no destination at all is 400', async () => {
    const { id } = await copied();
    const answer = await named(id, verb);
    expect([answer.statusCode, answer.json<Problem>().errors?.[0]?.pointer]).toEqual([400, '/destinations']);
  });

  test('of destinations of a change of permissions is 400, and says why', async () => {
    const change = await api.call({ method: 'DELETE', url: '/amis/ami-0a1b2c3d4e5f60001/permissions' });
    const answer = await named(change.json<Job>().id, verb, 'us-east-1');
    expect([answer.statusCode, answer.json<Problem>().code]).toEqual([400, 'validation-failed']);
    expect(answer.json<Problem>().detail).toContain('has no destinations');
  });

  test('takes a key that was first sent without a body again with an empty one', async () => {
    const { id } = await copied();
    const headers = { 'idempotency-key': `named-${verb}-${Math.random()}` };
    const first = await api.post(`/jobs/${id}/cancel`, undefined, headers);
    const again = await api.post(`/jobs/${id}/cancel`, {}, headers);
    expect([again.body, again.headers['idempotent-replayed']]).toEqual([first.body, 'true']);
  });
});
