import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { jobState } from '../../src/domain/job.ts';
import { GOLDEN_WEB, STEPPED } from '../helpers/service.ts';
import { PATIENCE } from '../helpers/waiting.ts';
import type { Console } from './browser.ts';
import { expectNoFaults, noChromium, startConsole } from './browser.ts';

const IMAGE = `#/images/${GOLDEN_WEB.region}/${GOLDEN_WEB.imageId}`;
const LEGACY = '#/images/us-east-1/ami-0a1b2c3d4e5f60003';
/** The image as questions name it. */
const NAMED = `${GOLDEN_WEB.imageId} in ${GOLDEN_WEB.region}`;
const WITHIN = { timeout: PATIENCE };
const MARKUP = '<img src=x onerror="document.title=1">';

describe.skipIf(noChromium)('the console', () => {
  let site: Console;
  beforeAll(async () => {
    site = await startConsole();
  });
  afterAll(() => site?.stop());
  beforeEach(() => site.api.service.control.settings({ copySeconds: 1 }));
  afterEach(() => expectNoFaults(site));

  /** Answers what the page asks; gives what it asked. */
  const answering = (page: Page, accepts: boolean) => {
    const asked: string[] = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.message());
      void (accepts ? dialog.accept() : dialog.dismiss());
    });
    return asked;
  };

  test('a copy started from the form fills its bar, without a reload', async () => {
    await site.api.service.control.settings({ copySeconds: 600 });
    const page = await site.open(`#/copy?imageId=${GOLDEN_WEB.imageId}&region=us-east-1`);
    await page.evaluate("window.name = 'the same page'");
    await page.getByLabel('eu-west-1').check();
    await page.getByLabel('Name', { exact: true }).fill('from-the-console');
    await page.getByRole('button', { name: 'Start copy' }).click();

    const bar = page.getByRole('progressbar', { name: 'Progress in eu-west-1' });
    await bar.and(page.locator('[data-state=queued]')).waitFor();
    await site.soonShows(bar.and(page.locator('[data-state=pending]')));
    await site.pass(300);
    await expect.poll(async () => Number(await bar.getAttribute('value')), WITHIN).toBeGreaterThan(20);
    expect(Number(await bar.getAttribute('value'))).toBeLessThan(100);
    await site.pass(400);
    await bar.and(page.locator('[data-state=succeeded][value="100"]')).waitFor();
    await page.getByText('The job has ended.').waitFor();
    const timeline = page.locator('.timeline');
    for (const word of ['queued', 'pending', 'available', 'succeeded'])
      await timeline.getByText(word, { exact: true }).first().waitFor();
    expect(await page.evaluate('window.name')).toBe('the same page');
    await page.close();
  });

  test('the list of jobs moves by itself, and shows jobs that others start', async () => {
    const page = await site.open('#/jobs?kind=copy');
    await page.getByText('Live:').waitFor();
    const job = await site.api.service.copy({
      destinations: [{ region: 'us-west-2' }, { region: 'ap-south-1' }],
    });
    const card = page.locator('li.card').filter({ has: page.locator(`a[href="#/jobs/${job.id}"]`) });
    await card.getByRole('progressbar', { name: 'Progress in ap-south-1' }).waitFor();
    expect(await page.locator('li.card a[href^="#/jobs/"]').first().getAttribute('href')).toBe(
      `#/jobs/${job.id}`,
    );
    await site.shows(card.locator('h2 + .badge[data-state=succeeded]'));
    await page.close();
  });

  test('says that no worker is running, in place of "Live", until one is', async () => {
    const { workers } = site.api.service;
    await workers.leave(STEPPED);
    const page = await site.open('#/jobs');
    await page.clock.install();
    await page.reload();
    const sign = page.locator('.live');
    await sign.and(page.locator('[data-live=no]')).getByText('No worker is running: jobs wait.').waitFor();
    await workers.beat(STEPPED);
    await page.clock.runFor(10_000);
    await sign.and(page.locator('[data-live=yes]')).getByText('Live:').waitFor();
    await workers.leave(STEPPED);
    await page.clock.runFor(10_000);
    await sign.and(page.locator('[data-live=no]')).waitFor();
    expect(await sign.textContent()).toContain('No worker is running');
    await workers.beat(STEPPED);
    await page.close();
  });

  test('a lost connection is taken up where it broke, with nothing missing and nothing twice', async () => {
    await site.api.service.control.settings({ copySeconds: 600 });
    const { id } = await site.api.service.copy({ destinations: [{ region: 'eu-west-2' }] });
    const page = await site.open(`#/jobs/${id}`);
    await site.soonShows(page.locator('.timeline .badge[data-state=pending]'));
    const resumed = page.waitForRequest((request) => request.headers()['last-event-id'] !== undefined);
    site.api.app.server.closeAllConnections();
    await page.getByText('Connection lost').waitFor();
    await resumed;
    await site.pass(700);
    await page.getByText('The job has ended.').waitFor();
    const rows = await page.locator('.timeline li > span').allInnerTexts();
    const events = rows.map((row) =>
      row
        .replaceAll(/ami-\w+|\P{ASCII}/gu, '')
        .split(/\s+/)
        .filter(Boolean)
        .join(' '),
    );
    expect(events).toEqual([
      'Job queued',
      'Job running',
      'eu-west-2 pending',
      'eu-west-2 available',
      'eu-west-2 succeeded',
      'Job succeeded',
    ]);
    await page.close();
  });

  test('what failed says why and what to do, and Retry copies again', async () => {
    await site.api.service.control.fault({
      action: 'CopyImage',
      region: 'eu-north-1',
      times: 1,
      copyFails: { reason: 'Copy image failed', snapshotReason: 'Given key ID is not accessible' },
    });
    const job = await site.api.service.copy({ destinations: [{ region: 'eu-north-1' }] });
    const page = await site.open(`#/jobs/${job.id}`);
    await site.shows(page.locator('.destination .problem', { hasText: 'Given key ID is not accessible' }));
    await page.getByRole('button', { name: 'Retry what failed' }).click();
    await site.shows(page.locator('progress[data-state=succeeded]'));
    expect(await page.getByRole('button', { name: 'Retry what failed' }).isVisible()).toBe(false);
    await page.close();
  });

  test('Cancel stops a copy', async () => {
    await site.api.service.control.settings({ copySeconds: 600 });
    const job = await site.api.service.copy({ destinations: [{ region: 'sa-east-1' }] });
    const page = await site.open(`#/jobs/${job.id}`);
    const asked = answering(page, true);
    await site.soonShows(page.locator('progress[data-state=pending]'));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await site.shows(page.locator('progress[data-state=cancelled]'));
    expect(asked).toEqual([expect.stringContaining(NAMED)]);
    expect((await site.api.service.store.get(job.id))?.finishedAt).not.toBeNull();
    await site.api.service.control.settings({ copySeconds: 1 });
    await page.close();
  });

  test('the lineage graph leads to the copy, and from there back to the image', async () => {
    const job = await site.api.service.copy({ name: 'lineage', destinations: [{ region: 'ca-central-1' }] });
    const { destinations } = await site.api.service.untilFinished(job.id);
    const copy = destinations[0]?.imageId ?? '';
    const page = await site.open(IMAGE);
    await page.locator('svg a', { hasText: copy }).click();
    await page.getByRole('heading', { level: 1, name: 'lineage' }).waitFor();
    expect(await page.locator('svg a[aria-current]').textContent()).toContain(copy);
    await page.locator('svg a', { hasText: GOLDEN_WEB.imageId }).click();
    await page.getByRole('heading', { level: 1, name: 'golden-web' }).waitFor();
    await page.close();
  });

  test('an image under aws/ebs says why it cannot be shared, and leads to what can', async () => {
    const page = await site.open(LEGACY);
    const why = page.getByRole('list', { name: 'Why not' });
    await why.getByText('aws-managed-key').waitFor();
    expect(await why.textContent()).toContain("can't be shared: copy it under a customer key");
    await page.getByRole('link', { name: 'Copy it under a customer key' }).click();
    expect(await page.getByLabel('Encrypt the copies').isChecked()).toBe(true);
    await page.goBack();
    await page.getByLabel('Accounts', { exact: true }).fill('222222222222');
    await page.getByRole('button', { name: 'Change permissions' }).click();
    await page.getByRole('alert').getByText('aws-managed-key').waitFor();
    await page.close();
  });

  test('an image is shared and made private again', async () => {
    const page = await site.open(IMAGE);
    page.on('dialog', (dialog) => void dialog.accept());
    await page.getByLabel('Accounts', { exact: true }).fill('222222222222');
    await page.getByRole('button', { name: 'Change permissions' }).click();
    await site.shows(page.getByRole('button', { name: 'Make private' }));
    await page.getByRole('button', { name: 'Make private' }).click();
    await site.shows(page.locator('dd', { hasText: /^private$/ }));
    await page.getByRole('button', { name: 'Make private' }).waitFor({ state: 'detached' });
    const { jobs } = await site.api.service.store.list({ limit: 2, kind: 'permissions' });
    expect(jobs.map(jobState)).toEqual(['succeeded', 'succeeded']);
    await page.close();
  });

  test('"exactly these" with nobody named asks first, naming the image, and does nothing unless it is confirmed', async () => {
    const page = await site.open(IMAGE);
    const changes = async () =>
      (await site.api.service.store.list({ limit: 100, kind: 'permissions' })).jobs.length;
    const before = await changes();
    const questions: string[] = [];
    let answer = false;
    page.on('dialog', (dialog) => {
      questions.push(dialog.message());
      void (answer ? dialog.accept() : dialog.dismiss());
    });
    await page.getByLabel('Exactly these').check();
    const button = page.getByRole('button', { name: 'Change permissions' });
    await button.click();
    expect(questions).toEqual([expect.stringContaining(`Make ${NAMED} private?`)]);
    expect(await changes()).toBe(before);
    answer = true;
    await button.click();
    await expect.poll(changes, WITHIN).toBe(before + 1);
    await page.close();
  });

  test.each([
    ['Exactly these', 'with exactly these?'],
    ['Remove these', 'away from these'],
  ])(
    '"%s" asks before it takes access away, naming the image, and does nothing on No',
    async (mode, asks) => {
      const page = await site.open(IMAGE);
      const asked = answering(page, false);
      const sent: string[] = [];
      page.on('request', (request) => void (request.method() !== 'GET' && sent.push(request.url())));
      await page.getByLabel(mode).check();
      await page.getByLabel('Accounts', { exact: true }).fill('222222222222');
      await page.getByRole('button', { name: 'Change permissions' }).click();
      expect(asked).toEqual([expect.stringContaining(asks)]);
      expect(asked[0]).toContain(NAMED);
      expect(sent).toEqual([]);
      await page.close();
    },
  );

  test('copies that are to be public are asked about first', async () => {
    const page = await site.open(`#/copy?imageId=${GOLDEN_WEB.imageId}&region=us-east-1`);
    const asked = answering(page, false);
    await page.getByLabel('eu-west-1').check();
    await page.getByText('Share the copies as soon as').click();
    await page.getByLabel('Public: everybody').check();
    await page.getByRole('button', { name: 'Start copy' }).click();
    expect(asked).toEqual([expect.stringContaining(`the copies of ${GOLDEN_WEB.imageId}`)]);
    await page.getByRole('heading', { name: 'Copy an image' }).waitFor();
    await page.close();
  });

  test('what the form gets wrong is said beside it, and nothing typed is lost', async () => {
    const page = await site.open(`#/copy?imageId=${GOLDEN_WEB.imageId}&region=us-east-1`);
    await page.getByLabel('eu-west-1').check();
    await page.getByLabel('KMS key').fill('not a key');
    await page.getByRole('button', { name: 'Start copy' }).click();
    await page.getByRole('alert').getByText('/kmsKeyId').waitFor();
    expect(await page.locator(':focus').getAttribute('name')).toBe('kmsKeyId');
    expect(await page.getByLabel('KMS key').inputValue()).toBe('not a key');
    await page.close();
  });

  test('markup in a name or tag stays text', async () => {
    const imageId = 'ami-0a1b2c3d4e5f69999';
    await site.api.service.control.addImage({
      imageId,
      region: 'us-east-1',
      name: 'markup',
      description: MARKUP,
      tags: { Name: MARKUP, '<b>key</b>': '<script>1</script>' },
      snapshots: [{ sizeGiB: 1 }],
    });
    const page = await site.open(`#/images/us-east-1/${imageId}`);
    await page.locator('dd', { hasText: MARKUP }).first().waitFor();
    expect(await page.locator('dt', { hasText: '<b>key</b>' }).count()).toBe(1);
    expect(await page.locator('main img, main script, main b').count()).toBe(0);
    await page.close();
  });
});
