import { get as httpGet } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Job as JobRecord } from '../../src/domain/job.ts';
import { eventsBetween } from '../../src/domain/job-events.ts';
import { stopAll } from '../../src/domain/removal-transitions.ts';
import type { Job } from '../../src/http/schemas/job.ts';
import { waitForJob } from '../../src/http/wait-for-job.ts';
import type { FeedListener } from '../../src/store/feed.ts';
import { copyJob } from '../helpers/copy-job.ts';
import { until } from '../helpers/waiting.ts';
import type { Api } from './api.ts';
import { COPIES, startApi } from './api.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const REQUEST = { destinations: [{ region: 'eu-west-1' }] };

describe('Prefer: wait', () => {
  let api: Api;
  beforeEach(async () => {
    api = await startApi({ workers: 0 });
  });
  afterEach(() => api.stop());

  const accepted = async () => (await api.post(COPIES, REQUEST)).json<Job>().id;

  test('ends with the job: 200', async () => {
    const answer = await api.service.steps.during(api.post(COPIES, REQUEST, { prefer: 'wait=20' }));
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['preference-applied']).toBe('wait=20');
    expect(answer.json<Job>().state).toBe('succeeded');
    expect(api.listeners()).toBe(0);
  });

  test('ends when the time is over: 202', async () => {
    const answer = await api.post(COPIES, REQUEST, { prefer: 'respond-async, wait=1' });
    expect(answer.statusCode).toBe(202);
    expect(answer.headers['preference-applied']).toBe('wait=1');
    expect(answer.headers['location']).toBe(`/jobs/${answer.json<Job>().id}`);
    expect(api.listeners()).toBe(0);
  });

  test('ends when the time is over, although garbage is collected meanwhile', async () => {
    const collecting = setInterval(collectGarbage, 50);
    try {
      const answer = await api.post(COPIES, REQUEST, { prefer: 'wait=1' });
      expect(answer.statusCode).toBe(202);
    } finally {
      clearInterval(collecting);
    }
  });

  test('on a GET ends with 200 in either case', async () => {
    const id = await accepted();
    expect((await api.get(`/jobs/${id}`, { prefer: 'wait=1' })).json<Job>().state).toBe('queued');
    const waiting = api.get(`/jobs/${id}`, { prefer: 'wait=30' });
    await until(() => api.listeners() === 1);
    await api.post(`/jobs/${id}/cancel`);
    const answer = await waiting;
    expect([answer.statusCode, answer.json<Job>().state]).toEqual([200, 'cancelled']);
    expect(api.listeners()).toBe(0);
  });

  test('holds a hundred answers of one caller: the next one comes at once', async () => {
    const id = await accepted();
    const prefer = { prefer: 'wait=30' };
    const held = Array.from({ length: 100 }, () => api.get(`/jobs/${id}`, prefer));
    await until(() => api.listeners() === 100);
    const next = await api.get(`/jobs/${id}`, prefer);
    expect([next.statusCode, next.json<Job>().state]).toEqual([200, 'queued']);
    expect(next.headers['preference-applied']).toBeUndefined();
    await api.post(`/jobs/${id}/cancel`);
    const states = (await Promise.all(held)).map((answer) => answer.json<Job>().state);
    expect(new Set(states)).toEqual(new Set(['cancelled']));
    expect(api.listeners()).toBe(0);
    expect((await api.get(`/jobs/${id}`, prefer)).headers['preference-applied']).toBe('wait=30');
  });

  test('that can not be read is ignored', async () => {
    const answer = await api.post(COPIES, REQUEST, { prefer: 'wait=soon' });
    expect(answer.statusCode).toBe(202);
    expect(answer.headers['preference-applied']).toBeUndefined();
  });

  test('stops listening when the client goes away', async () => {
    const id = await accepted();
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.app.server.address() as AddressInfo;
    const request = httpGet({ port, path: `/jobs/${id}`, headers: { prefer: 'wait=30' } });
    request.on('error', () => {});
    await until(() => api.listeners() === 1);
    request.destroy();
    await until(() => api.listeners() === 0);
  });

  test('does not hold up the end of the server', async () => {
    const id = await accepted();
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = api.app.server.address() as AddressInfo;
    const waiting = fetch(`http://127.0.0.1:${port}/jobs/${id}`, { headers: { prefer: 'wait=30' } });
    await until(() => api.listeners() === 1);
    await api.app.close();
    const answer = await waiting;
    expect([answer.status, ((await answer.json()) as Job).state]).toEqual([200, 'queued']);
    // Kept alive, the connection would hold the server up for longer than a minute.
    expect(answer.headers.get('connection')).toBe('close');
    expect(api.listeners()).toBe(0);
  });
});

test('news that the feed never brought are read from the record', async () => {
  const api = await startApi({ workers: 0 }, { feed: { listen: () => () => undefined } });
  try {
    const { id } = (await api.post(COPIES, REQUEST)).json<Job>();
    const waiting = api.get(`/jobs/${id}`, { prefer: 'wait=30' });
    await api.post(`/jobs/${id}/cancel`);
    expect((await waiting).json<Job>().state).toBe('cancelled');
  } finally {
    await api.stop();
  }
});

describe('waitForJob', () => {
  const running = copyJob({});
  const finished = stopAll('cancel')(running, 2000) ?? running;
  const never = () => AbortSignal.timeout(20_000);

  test('loses no news between listening and reading', async () => {
    const listeners = new Set<FeedListener>();
    const feed = {
      listen: (listener: FeedListener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    const reads: JobRecord[] = [];
    const get = async () => {
      reads.push(reads.length === 0 ? running : finished);
      // The job finishes while its old record is on the way.
      const events = eventsBetween(running, finished).map((event, i) => ({ ...event, id: `${i}-0` }));
      for (const hear of listeners) events.forEach(hear);
      return reads.at(-1) ?? null;
    };
    expect(await waitForJob({ feed, store: { get } }, running, never())).toBe(finished);
    expect(reads).toHaveLength(2);
    expect(listeners.size).toBe(0);
  });

  test('gives what is known already while Redis is away', async () => {
    const feed = { listen: () => () => undefined };
    const get = () => Promise.reject(new Error('Connection is closed.'));
    expect(await waitForJob({ feed, store: { get } }, running, AbortSignal.timeout(50))).toBe(running);
  });
});
