import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Api } from './api.ts';
import { startApi } from './api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi({ workers: 0 }, { loopbackOnly: true });
});
afterAll(() => api.stop());

const ask = async (host: string) => (await api.get('/jobs', { host })).statusCode;

test.each(['127.0.0.1:3000', 'localhost:3000', 'localhost', '[::1]:3000', 'LOCALHOST'])(
  '%s is answered',
  async (host) => {
    expect(await ask(host)).toBe(200);
  },
);

test.each([
  'evil.example',
  'evil.example:3000',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
  '10.0.0.1',
])('a web page that calls this machine %s is not', async (host) => {
  expect(await ask(host)).toBe(400);
});
