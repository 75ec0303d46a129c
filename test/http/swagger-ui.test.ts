import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CopyJob } from '../../src/http/schemas/job.ts';
import { PATIENCE } from '../helpers/waiting.ts';
import { noChromium, sharedBrowser } from '../console/browser.ts';
import type { Api } from './api.ts';
import { startApi } from './api.ts';

describe.skipIf(noChromium)('Swagger UI', () => {
  let api: Api;
  let page: Page;
  const faults: string[] = [];

  // One page for all: to load it takes seconds.
  beforeAll(async () => {
    api = await startApi({ workers: 0 });
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    page = await (await sharedBrowser()).newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (line) => line.type() === 'error' && faults.push(line.text()));
    await page.goto(`http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}/docs`);
  });
  afterAll(async () => {
    await page?.close();
    await api?.stop();
  });

  test('lists the routes under their tags', async () => {
    await page.waitForSelector('.opblock');
    const sections = await page.locator('.opblock-tag-section').all();
    const listed = await Promise.all(
      sections.map(async (section): Promise<[string | null, (string | null)[]]> => [
        await section.locator('.opblock-tag').getAttribute('data-tag'),
        await section
          .locator('.opblock-summary-path')
          .evaluateAll((all) => all.map((one) => one.getAttribute('data-path'))),
      ]),
    );
    const document = (await api.get('/openapi.json')).json<{
      paths: Record<string, Record<string, { tags: string[] }>>;
    }>();
    const routes = Object.entries(document.paths).flatMap(([path, verbs]) =>
      Object.values(verbs).flatMap(({ tags }) => tags.map((tag) => ({ tag, path }))),
    );
    const byTag = Object.entries(Object.groupBy(routes, ({ tag }) => tag));
    const sorted = (entries: [string | null, (string | null)[]][]) =>
      Object.fromEntries(
        entries.map(([tag, paths]) => [tag, paths.map(String).toSorted((a, b) => a.localeCompare(b))]),
      );
    expect(sorted(listed)).toEqual(
      sorted(byTag.map(([tag, all = []]) => [tag, all.map(({ path }) => path)])),
    );
    expect(listed.map(([tag]) => tag)).toEqual(['images', 'permissions', 'jobs', 'service']);
  });

  test('takes an API key or a token under Authorize', async () => {
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    const dialog = page.locator('.dialog-ux');
    await dialog.waitFor();
    expect(await dialog.locator('h4').allInnerTexts()).toEqual([
      expect.stringContaining('apiKey'),
      expect.stringContaining('token'),
    ]);
    await dialog.locator('.close-modal').click();
  });

  test('executes the example copy as it stands', async () => {
    const operation = page.locator('#operations-images-copyImage');
    await operation.locator('.opblock-summary-control').click();
    const answer = page.waitForResponse((response) => response.request().method() === 'POST');
    await operation.getByRole('button', { name: 'Execute' }).click();
    const response = await answer;
    expect(new URL(response.url()).pathname).toBe('/amis/ami-0a1b2c3d4e5f60001/copies');
    expect(response.status()).toBe(202);
    const { id } = (await response.json()) as CopyJob;
    expect((await api.get(`/jobs/${id}`)).json<CopyJob>().destinations.map(({ region }) => region)).toContain(
      'eu-west-1',
    );
    await operation.locator('.live-responses-table .response-col_status', { hasText: '202' }).waitFor();
    expect(faults).toEqual([]);
  });
});
