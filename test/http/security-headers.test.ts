import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Api } from './api.ts';
import { startApi } from './api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi({ workers: 0 });
});
afterAll(() => api.stop());

test.each(['/health/live', '/jobs', '/nowhere', '/', '/docs/', '/jobs?limit=0'])(
  '%s: the first answer and those after it carry the same headers, but for their ids',
  async (url) => {
    const seen = [];
    for (let i = 0; i < 3; i += 1) {
      const { headers } = await api.app.inject({ url });
      seen.push(headers);
    }
    const [first] = seen;
    expect(first).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cache-control': expect.stringMatching(/^no-(store|cache)|^public/),
    });
    const common = seen.map((headers) => ({ ...headers, 'x-request-id': '', date: '' }));
    expect(common).toEqual(Array(3).fill(common[0]));
    expect(new Set(seen.map((headers) => headers['x-request-id'])).size).toBe(3);
  },
);
