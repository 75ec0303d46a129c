import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
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

/** `npm run fuzz` asks for more, and for others each time. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 200);
const IS_SHORT = REQUESTS <= 10_000;

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

interface Memory {
  heap: number;
  outside: number;
}

/** Bytes that are still in use once everything that can go has gone. */
async function memoryInUse(): Promise<Memory> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let times = 0; times < 3; times += 1) {
    collect();
    // What lies outside of the heap goes only after its owner has.
    await setImmediate();
  }
  const { heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed, outside: external };
}

/** Collecting all garbage of a process that other tests share takes long: the short form does it less often. */
const PARTS = IS_SHORT ? 4 : 10;
const MIB = 1024 * 1024;
/** Over the requests but the first two parts of them. What a leak of a body or a record a request would take is many times as much. */
const MAY_GROW = IS_SHORT ? 16 * MIB : 8 * MIB;

test(
  `${REQUESTS} requests made out of the document, good and bad`,
  async () => {
    const property = fc.asyncProperty(requestsOf(document, jobs), check);
    const memory: Memory[] = [];
    for (let part = 0; part < PARTS; part += 1) {
      // The same requests each time in the short form: in so few there may be none that is accepted.
      const seed = IS_SHORT ? { seed: part + 1 } : {};
      await fc.assert(property, { numRuns: Math.ceil(REQUESTS / PARTS), ...seed });
      memory.push(await memoryInUse());
    }
    report(memory);
    const [, second, last] = [0, 1, PARTS - 1].map((part) => memory[part] ?? { heap: 0, outside: 0 });
    expect((last?.heap ?? 0) - (second?.heap ?? 0)).toBeLessThan(MAY_GROW);
    expect((last?.outside ?? 0) - (second?.outside ?? 0)).toBeLessThan(MAY_GROW);

    const all = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    expect(all).toBeGreaterThanOrEqual(REQUESTS);
    // Requests of all kinds got through: what is made is neither all junk nor all good.
    expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 202, 400, 404]));
    expect((await api.get('/health/live')).statusCode).toBe(200);
  },
  // The one test whose length is set from outside: npm run fuzz.
  Math.max(180_000, REQUESTS * 60),
);

/** What was answered, and what memory was in use after each part of the requests. */
function report(memory: readonly Memory[]): void {
  const answers = [...statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
  const row = (name: string, of: (one: Memory) => number) =>
    `${name} ${memory.map((one) => (of(one) / MIB).toFixed(1)).join(' ')} MiB`;
  const lines = [
    `answers ${answers.join(', ')}`,
    row('heap in use after each part:', ({ heap }) => heap),
    row('outside of the heap:', ({ outside }) => outside),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
