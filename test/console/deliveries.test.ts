import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Receiver } from '../webhooks/receiver.ts';
import { startReceiver } from '../webhooks/receiver.ts';
import type { Console } from './browser.ts';
import { expectNoFaults, noChromium, serious, startConsole } from './browser.ts';

const SECRET = `whsec_${Buffer.alloc(32, 'console').toString('base64')}`;

describe.skipIf(noChromium)("a job's webhooks", () => {
  let site: Console;
  let receiver: Receiver;
  let takes = false;
  beforeAll(async () => {
    receiver = await startReceiver(() => ({ status: takes ? 204 : 500 }));
    const webhooks = { secrets: [SECRET], http: true, privateAddresses: ['127.0.0.1'] };
    // No second try of its own within this test.
    const settings = { webhookTimes: { backoffMs: 3_600_000, retryMs: 86_400_000 } };
    site = await startConsole({ webhooks, settings, simulator: { copySeconds: 0.5 } });
  });
  afterAll(async () => {
    await site?.stop();
    await receiver?.close();
  });
  afterEach(() => expectNoFaults(site));

  test('show what became of each, and are sent again by a button', async () => {
    const { id } = await site.api.service.copy({
      destinations: [{ region: 'eu-west-1' }],
      notify: { url: `${receiver.url}?token=not-to-be-shown` },
    });
    await site.api.service.untilFinished(id);
    await site.pass(0);
    const page = await site.open(`#/jobs/${id}`);
    const row = page.locator('.deliveries li', { hasText: 'job.finished' });
    await row.getByText('it answered 500').waitFor();
    await row.getByText('Next try:').waitFor();
    expect(await page.locator('.deliveries li').count()).toBe(2);
    expect(await page.locator('body').innerText()).not.toContain('not-to-be-shown');
    expect(await serious(page)).toEqual([]);

    takes = true;
    await row.getByRole('button', { name: 'Send again: job.finished' }).press('Enter');
    const delivered = row.getByText('delivered', { exact: true });
    await site.api.service.steps.untilNow(() => delivered.isVisible());
    await row.getByText('2 tries').waitFor();
    // Where the keyboard was it still is.
    expect(await page.locator(':focus').getAttribute('aria-label')).toMatch(/^Send again: job.finished to /);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids.slice(-1)).toEqual(ids.slice(0, -1).filter((one) => one === ids.at(-1)));
    await page.close();
  });

  test('are not mentioned where nobody is told', async () => {
    const { id } = await site.api.service.copy({ destinations: [{ region: 'eu-west-1' }] });
    const page = await site.open(`#/jobs/${id}`);
    await site.shows(page.getByText('The job has ended.'));
    expect(await page.getByRole('heading', { name: 'Webhooks' }).isVisible()).toBe(false);
    await page.close();
  });
});
