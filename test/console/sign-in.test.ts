import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { authenticator } from '../../src/auth/authenticate.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import type { Console } from './browser.ts';
import { expectNoFaults, noChromium, serious, startConsole } from './browser.ts';

describe.skipIf(noChromium)('signing in', () => {
  const keys = new TestKeys();
  const policy = new TestPolicy({ '*': EVERYTHING });
  let site: Console;
  beforeAll(async () => {
    const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
    site = await startConsole({ workers: 0, policy }, { authenticate });
  });
  afterAll(() => site?.stop());
  afterEach(() => expectNoFaults(site));

  test('is asked for, says what is wrong, lasts as long as the tab, and ends', async () => {
    const page = await site.open('#/jobs');
    const dialog = page.getByRole('dialog', { name: 'Sign in' });
    await dialog.waitFor();
    await page.getByLabel('API key or token').fill('amiferry_000000000000_wrong');
    await page.keyboard.press('Enter');
    await dialog.getByText('the API key is invalid').waitFor();
    expect(await serious(page)).toEqual([]);
    await page.getByLabel('API key or token').fill(keys.make('human'));
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
    await page.reload();
    await page.getByText('No worker is running').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await dialog.waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await page.close();
  });
});
