import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AmiferryError } from '../../src/errors.ts';
import { PROBLEM_JSON } from '../../src/http/problem.ts';
import type { Problem } from '../../src/http/schemas/problem.ts';
import type { Api } from '../http/api.ts';
import { COPIES, startApi } from '../http/api.ts';
import type { OpenApi } from '../http/document.ts';
import type { FuzzRequest } from './requests.ts';
import { requestsOf } from './requests.ts';

/** `npm run fuzz` asks for more. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 1000);

let api: Api;
let document: OpenApi;
let base: string;
let jobs: string[];
beforeAll(async () => {
  // Load shedding answers 503 by the clock, and would hide what the routes say.
  api = await startApi({ workers: 0 }, { maxEventLoopDelayMs: 600_000 });
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
  document = (await api.app.inject('/openapi.json')).json();
  const regions = ['eu-west-1', 'eu-west-2'];
  const answers = await Promise.all(
    regions.map((region) => api.post(COPIES, { destinations: [{ region }] })),
  );
  jobs = answers.map((answer) => answer.json<{ id: string }>().id);
});
afterAll(() => api.stop());

const statuses = new Map<number, number>();

/** No 5xx but those that tell of something else's outage, and every answer as the document has it. */
async function check(request: FuzzRequest): Promise<void> {
  const status = request.streams ? await headOf(request) : await bodyOf(request);
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  expect(status, JSON.stringify(request)).toBeLessThan(500);
}

/** Answers that stream are left as soon as they begin. */
async function headOf({ method, url, headers }: FuzzRequest): Promise<number> {
  const leave = new AbortController();
  const answer = await fetch(base + url, { method, headers, signal: leave.signal });
  leave.abort();
  return answer.status;
}

async function bodyOf({ method, url, headers, payload }: FuzzRequest): Promise<number> {
  const options = { method: method as 'GET', url, headers, ...(payload === undefined ? {} : { payload }) };
  const answer = await api.call(options);
  const type = String(answer.headers['content-type']);
  if (answer.statusCode >= 400) {
    expect(type).toContain(PROBLEM_JSON);
    const problem = answer.json<Problem>();
    expect(() => new AmiferryError(problem.code, problem.detail)).not.toThrow();
    // No stack, no path of ours, no address of a machine.
    expect(answer.body).not.toMatch(/\bat \S+ \(|node_modules|file:\/\/|127\.0\.0\.1|\.ts:\d/);
  }
  return answer.statusCode;
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

test(
  `${REQUESTS} requests made out of the document, good and bad`,
  async () => {
    const half = { numRuns: Math.ceil(REQUESTS / 2) };
    const property = fc.asyncProperty(requestsOf(document, jobs), check);
    await fc.assert(property, half);
    const before = heapAfterCollection();
    await fc.assert(property, half);
    // Not a measurement: a leak of a body or a record a request would be many times as much.
    expect(heapAfterCollection() - before).toBeLessThan(64 * 1024 * 1024);
    const all = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    expect(all).toBeGreaterThanOrEqual(REQUESTS);
    // Requests of all kinds got through: what is made is neither all junk nor all good.
    expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 202, 400, 404]));
    expect((await api.get('/health/live')).statusCode).toBe(200);
  },
  Math.max(120_000, REQUESTS * 60),
);
