import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import type { JobPage } from '../../src/http/schemas/job.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

const keys = new TestKeys();
const alice = { 'x-api-key': keys.make('alice', ['amis:read', 'amis:copy', 'amis:share']) };
const bob = { 'x-api-key': keys.make('bob', ['amis:read', 'amis:copy', 'amis:share']) };
const admin = { 'x-api-key': keys.make('admin') };

let api: Api;
let base: string;
beforeAll(async () => {
  const policy = new TestPolicy({ '*': EVERYTHING });
  const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
  api = await startApi({ workers: 0, policy }, { authenticate });
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
});
afterAll(() => api.stop());

async function newJob(who: Record<string, string>): Promise<string> {
  const answer = await api.post(COPIES, { destinations: [{ region: 'eu-west-1' }] }, who);
  expect(answer.statusCode).toBe(202);
  return answer.json<{ id: string }>().id;
}

const listed = async (query: string, who: Record<string, string>) =>
  (await api.get(`/jobs${query}`, who)).json<JobPage>().jobs.map(({ id }) => id);

test.each([
  ['GET', ''],
  ['HEAD', ''],
  ['GET', '/events'],
  ['POST', '/cancel'],
  ['POST', '/retry'],
] as const)("%s of another's job%s is 404, as for a job that there is not", async (method, path) => {
  const id = await newJob(alice);
  const answer = await api.call({ method, url: `/jobs/${id}${path}`, headers: bob });
  expect(answer.statusCode).toBe(404);
  const unknown = id.replace(/.{12}$/, '000000000000');
  const other = await api.call({ method, url: `/jobs/${unknown}${path}`, headers: bob });
  if (method === 'HEAD') return;
  expect(answer.json<Problem>().code).toBe('job-not-found');
  expect(answer.json<Problem>().detail.replace(id, '')).toBe(
    other.json<Problem>().detail.replace(unknown, ''),
  );
  expect((await api.get(`/jobs/${id}`, alice)).json()).toMatchObject({
    state: 'queued',
    requestedBy: 'key:alice',
  });
});

test('a list has what its reader asked for, page by page, and an administrator sees all', async () => {
  const own = [await newJob(alice), await newJob(alice), await newJob(alice)].toReversed();
  const others = await newJob(bob);
  for (const query of ['', '?state=queued', '?kind=copy', '?imageId=ami-0a1b2c3d4e5f60001']) {
    const seen = await listed(query, alice);
    expect(seen.slice(0, 3)).toEqual(own);
    expect(seen).not.toContain(others);
    expect(await listed(query, bob)).not.toEqual(expect.arrayContaining([own[0]]));
    expect(await listed(query, admin)).toEqual(expect.arrayContaining([...own, others]));
  }
  const { nextCursor } = (await api.get('/jobs?limit=1', alice)).json<JobPage>();
  expect(await listed(`?limit=2&cursor=${nextCursor}`, alice)).toEqual(own.slice(1));
});

test('an administrator sees, cancels and follows the job of another', async () => {
  const id = await newJob(alice);
  expect((await api.get(`/jobs/${id}`, admin)).statusCode).toBe(200);
  expect((await api.post(`/jobs/${id}/cancel`, undefined, admin)).statusCode).toBe(202);
  const events = await fetch(`${base}/jobs/${id}/events`, { headers: admin });
  expect(await events.text()).toContain('job.cancelled');
});

test('the stream of all jobs has only what its reader may see', async () => {
  const leave = new AbortController();
  const stream = await fetch(`${base}/events`, { headers: bob, signal: leave.signal });
  const theirs = await newJob(alice);
  const own = await newJob(bob);
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(own)) break;
  }
  leave.abort();
  expect(text).not.toContain(theirs);
});

test('a scope for sharing alone cancels no copy', async () => {
  const sharer = { 'x-api-key': keys.make('alice', ['amis:share']) };
  const id = await newJob(alice);
  const answer = await api.post(`/jobs/${id}/cancel`, undefined, sharer);
  expect([answer.statusCode, answer.json<Problem>().code]).toEqual([403, 'missing-scope']);
});
