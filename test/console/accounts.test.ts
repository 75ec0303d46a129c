import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { OWN } from '../helpers/account.ts';
import { B, C, testAccounts } from '../helpers/accounts.ts';
import { GOLDEN_WEB } from '../helpers/service.ts';
import type { Console } from './browser.ts';
import { expectNoFaults, noChromium, serious, startConsole, untilLoaded } from './browser.ts';

const EU = 'eu-west-1';
const US = GOLDEN_WEB.region;
const REFUSED = '444444444444';
const IMAGE = `#/images/${US}/${GOLDEN_WEB.imageId}`;
const COPY = `#/copy?imageId=${GOLDEN_WEB.imageId}&region=${US}`;
const IN_B = `${EU} · prod-eu (${B})`;

const accounts = testAccounts({
  [B]: { alias: 'prod-eu', regions: [EU, US], kmsKeyId: 'alias/ami', groups: ['prod', 'all'] },
  [C]: {},
  // The simulator's trust policies ask for an external id, and this role has none.
  [REFUSED]: { role: { arn: `arn:aws:iam::${REFUSED}:role/copier` }, regions: [EU, US] },
});

describe.skipIf(noChromium)('the console of several accounts', () => {
  let site: Console;
  beforeAll(async () => {
    site = await startConsole({ accounts, simulator: { copySeconds: 1 } });
  });
  afterAll(() => site?.stop());
  afterEach(() => expectNoFaults(site));

  /** A copy into account B, made to its end: its job and its image. */
  async function copyIntoB(name: string): Promise<{ id: string; imageId: string }> {
    const { id } = await site.api.service.copy({ name, destinations: [{ account: B, region: EU }] });
    const { destinations } = await site.api.service.untilFinished(id);
    return { id, imageId: destinations[0]?.imageId ?? '' };
  }

  test('the form copies into the account that is chosen, whose regions it offers', async () => {
    const page = await site.open(COPY);
    const into = page.getByLabel('Into account');
    expect(await into.inputValue()).toBe(OWN);
    expect(await page.getByLabel('Account', { exact: true }).inputValue()).toBe(OWN);
    await page.getByLabel('us-west-2').check();
    await into.selectOption(B);
    expect(await page.getByLabel('us-west-2').isVisible()).toBe(false);
    await page.getByLabel(EU).check();
    await page.getByRole('button', { name: 'Start copy' }).click();
    await page.getByRole('progressbar', { name: `Progress in ${IN_B}` }).waitFor();
    await site.shows(page.locator('progress[data-state=succeeded]'));
    await page.locator('.timeline').getByText(IN_B).first().waitFor();
    await page.getByText(`${GOLDEN_WEB.imageId} in ${US} · ${OWN}`).waitFor();
    const { jobs } = await site.api.service.store.list({ limit: 1, kind: 'copy' });
    expect(jobs).toMatchObject([{ destinations: [{ spec: { account: B, region: EU } }] }]);
    await page.close();
  });

  test('a job leads to the copy in its account, and the lineage from there to the source', async () => {
    const { id, imageId } = await copyIntoB('in-b');
    const page = await site.open('#/jobs');
    const card = page.locator('li.card').filter({ has: page.locator(`a[href="#/jobs/${id}"]`) });
    await card.getByText(`in ${US} · ${OWN}`).waitFor();
    await card.getByText(IN_B).waitFor();
    await card.getByRole('link', { name: imageId }).click();
    await page.getByRole('heading', { level: 1, name: 'in-b' }).waitFor();
    expect(new URL(page.url()).hash).toBe(`#/images/${EU}/${imageId}?account=${B}`);
    await page.getByText(`${imageId} in ${IN_B}`).waitFor();
    await page.locator('svg a', { hasText: GOLDEN_WEB.imageId }).locator('text', { hasText: OWN }).click();
    await page.getByRole('heading', { level: 1, name: 'golden-web' }).waitFor();
    const copy = page.locator('svg a', { hasText: imageId });
    await copy.locator('text', { hasText: `prod-eu (${B})` }).waitFor();
    await page.locator('svg .group', { hasText: `${EU} · prod-eu` }).waitFor();
    await page.close();
  });

  test('an account that can not be reached is named once, with its regions', async () => {
    const page = await site.open(IMAGE);
    await page.getByText('2 regions gave no answer').click();
    const reasons = page.locator('details.warning li');
    expect(await reasons.count()).toBe(1);
    expect(await reasons.textContent()).toContain(`${EU}, ${US} · ${REFUSED}: the role copier`);
    await page.close();
  });

  test('an image of another account is found and shared', async () => {
    const { imageId } = await copyIntoB('shared');
    const page = await site.open('#/images');
    await page.getByLabel('Image id').fill(imageId);
    await page.getByLabel('Region').fill(EU);
    await page.getByLabel('Account', { exact: true }).selectOption(B);
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByRole('heading', { level: 1, name: 'shared' }).waitFor();
    await page.getByLabel('Accounts', { exact: true }).fill(C);
    await page.getByRole('button', { name: 'Change permissions' }).click();
    await site.shows(page.getByRole('button', { name: 'Make private' }));
    const { jobs } = await site.api.service.store.list({ limit: 1, kind: 'permissions' });
    expect(jobs).toMatchObject([{ image: { id: imageId, account: B, region: EU } }]);
    const asked = new Promise<string>((resolve) => {
      page.once('dialog', (dialog) => {
        resolve(dialog.message());
        void dialog.dismiss();
      });
    });
    await page.getByRole('button', { name: 'Make private' }).click();
    expect(await asked).toContain(`${imageId} in ${IN_B}`);
    await page.getByRole('link', { name: 'Copy this image' }).click();
    await page.getByRole('heading', { name: 'Copy an image' }).waitFor();
    expect(await page.getByLabel('Account', { exact: true }).inputValue()).toBe(B);
    await page.close();
  });

  test('the accounts are listed, each with its alias, groups, regions and key', async () => {
    const page = await site.open('#/jobs');
    await page.getByRole('link', { name: 'Accounts' }).click();
    await page.getByRole('heading', { level: 1, name: 'Accounts' }).waitFor();
    const titles = await page.getByRole('heading', { level: 2 }).allInnerTexts();
    expect(titles).toEqual([`${OWN}, the service's own`, 'prod-eu', C, REFUSED]);
    const rows = await page
      .getByRole('region', { name: `Account ${B}` })
      .locator('dd')
      .allInnerTexts();
    expect(rows).toEqual([B, 'prod-eu', 'prod, all', `${EU}, ${US}`, 'alias/ami']);
    await page.close();
  });

  test('axe-core finds nothing serious at 360 px, and nothing is cut off', async () => {
    const { id } = await copyIntoB('narrow');
    const page = await site.open('#/accounts', { viewport: { width: 360, height: 800 } });
    for (const place of ['#/jobs', `#/jobs/${id}`, IMAGE, '#/copy', '#/accounts']) {
      await page.evaluate(`location.hash = '${place}'`);
      await untilLoaded(page);
      expect(await serious(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    }
    await page.close();
  });

  test('where the accounts can not be read, a job shows their ids', async () => {
    const { id } = await copyIntoB('unknown');
    const page = await site.open(`#/jobs/${id}`, {});
    const problem = { title: 'EC2 does not answer', detail: 'no answer' };
    await page.route('**/accounts', (route) => route.fulfill({ status: 503, json: problem }));
    await page.reload();
    await untilLoaded(page);
    expect(await page.locator('.destination strong').textContent()).toBe(`${EU} · ${B}`);
    await page.close();
  });
});

describe.skipIf(noChromium)('the console of one account', () => {
  let site: Console;
  beforeAll(async () => {
    site = await startConsole({ simulator: { copySeconds: 1 } });
  });
  afterAll(() => site?.stop());
  afterEach(() => expectNoFaults(site));

  const mentions = (page: Page) => page.locator('body').getByText(OWN).count();

  test('shows and asks for no account', async () => {
    const { id } = await site.api.service.copy({ destinations: [{ region: EU }] });
    await site.api.service.untilFinished(id);
    const page = await site.open('#/jobs');
    expect(await page.getByRole('link', { name: 'Accounts' }).count()).toBe(0);
    expect(await mentions(page)).toBe(0);
    for (const place of [`#/jobs/${id}`, COPY, '#/images']) {
      await page.evaluate(`location.hash = '${place}'`);
      await untilLoaded(page);
      expect([place, await mentions(page)]).toEqual([place, 0]);
      expect(await page.locator('[name=account], [name=destinationAccount]').count()).toBe(0);
    }
    await page.close();
  });
});
