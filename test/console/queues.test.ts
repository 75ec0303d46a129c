import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AccessScope } from '../../src/domain/access.ts';
import { authenticator } from '../../src/auth/authenticate.ts';
import { EVERYTHING, TestKeys, TestPolicy } from '../helpers/access.ts';
import type { Console } from './browser.ts';
import { expectNoFaults, noChromium, startConsole } from './browser.ts';

describe.skipIf(noChromium)('the queues', () => {
  const keys = new TestKeys();
  let site: Console;
  beforeAll(async () => {
    const authenticate = authenticator({ apiKeys: keys, verifyToken: null });
    site = await startConsole({ workers: 0, policy: new TestPolicy({ '*': EVERYTHING }) }, { authenticate });
  });
  afterAll(() => site?.stop());
  afterEach(() => expectNoFaults(site));

  async function signedIn(scopes: AccessScope[]) {
    const page = await site.open('#/jobs', {});
    await page.getByLabel('API key or token').fill(keys.make(scopes.join('.').replaceAll(':', '-'), scopes));
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    return page;
  }

  test('are shown to an administrator who is signed in, until he signs out', async () => {
    const { id } = await site.api.service.copy({ destinations: [{ region: 'eu-west-1' }] });
    const page = await signedIn(['amis:read', 'amis:admin']);
    await page.getByRole('link', { name: 'Queues' }).click();
    await page.waitForURL('**/queues/');
    await page.getByRole('link', { name: 'steps' }).first().click();
    await page.getByText(`start-copies.${id}`).first().waitFor();
    await page.reload();
    await page.getByText(`start-copies.${id}`).first().waitFor();
    // Nothing there changes anything.
    const buttons = await page.getByRole('button').allInnerTexts();
    expect(buttons.join().match(/pause|retry|clean|empty|obliterate|promote|duplicate|add job/gi)).toBeNull();

    const board = page.url();
    await page.goto(new URL('/', board).href);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('dialog').waitFor();
    await expect.poll(async () => (await page.goto(board))?.status()).toBe(401);
    await page.close();
  });

  test('are refused to everybody else, in words', async () => {
    const page = await signedIn(['amis:read']);
    const answer = page.waitForResponse('**/queues/session');
    await page.getByRole('link', { name: 'Queues' }).click();
    expect((await answer).status()).toBe(403);
    await page.getByRole('alert').getByText('amis:admin').waitFor();
    expect((await page.goto(new URL('/queues/', page.url()).href))?.status()).toBe(401);
    await page.close();
  });
});
