import { readdir, stat } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Api } from '../http/api.ts';
import { startApi } from '../http/api.ts';

/** What the console is made of, as it is served. */
const DIRECTORY = new URL('../../console/', import.meta.url);

let api: Api;
beforeAll(async () => {
  api = await startApi({ workers: 0 }, { regions: ['eu-west-1', 'us-west-2'], defaultRegion: 'us-west-2' });
});
afterAll(() => api.stop());

test('the page offers the regions of the service', async () => {
  const page = await api.app.inject('/');
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(page.body.match(/<option value="[^"]+"/g)).toEqual([
    '<option value="eu-west-1"',
    '<option value="us-west-2"',
  ]);
  expect(page.body).toContain('data-region="us-west-2"');
});

test('allows scripts and styles of its own files only, and no markup made of text', async () => {
  const { headers } = await api.app.inject('/');
  const csp = String(headers['content-security-policy']).split(';');
  expect(csp).toEqual(
    expect.arrayContaining([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
    ]),
  );
  expect(csp.join()).not.toMatch(/unsafe|\*|https?:/);
});

test('a file that is known already is not sent again', async () => {
  const first = await api.app.inject('/console/main.js');
  expect(first.headers['cache-control']).toBe('no-cache');
  const again = await api.app.inject({
    url: '/console/main.js',
    headers: { 'if-none-match': String(first.headers.etag) },
  });
  expect([again.statusCode, again.body]).toEqual([304, '']);
});

test('is at most 76 KB in all, and every file is served as what it is', async () => {
  const names = await readdir(DIRECTORY);
  const sizes = await Promise.all(names.map(async (name) => (await stat(new URL(name, DIRECTORY))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(76 * 1024);
  for (const name of names.filter((name) => name.endsWith('.js'))) {
    const { headers } = await api.app.inject(`/console/${name}`);
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
  }
});
