import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { findChromium } from '../../tools/dev/chromium.ts';
import { freePort } from '../helpers/free-port.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import type { Stack } from '../../tools/dev/stack.ts';
import { startStack } from '../../tools/dev/stack.ts';
import { Unwind } from '../../tools/dev/unwind.ts';
import { GOLDEN_WEB } from '../helpers/service.ts';
import { SimulatorControl } from '../helpers/simulator-control.ts';
import { pause } from '../helpers/waiting.ts';
import { launch, untilLoaded } from './browser.ts';

/** `npm run screenshots`: takes the pictures in docs/screenshots of a console at work, on a stack of its own. */
const say = (text: string) => void process.stdout.write(`${text}\n`);
const dir = mkdtempSync(join(tmpdir(), 'amiferry-screenshots-'));
const unwind = new Unwind((phase, error) => say(`${phase} did not stop: ${String(error)}`));
const IMAGE = `#/images/${GOLDEN_WEB.region}/${GOLDEN_WEB.imageId}`;
const WIDE = { viewport: { width: 1000, height: 860 } };
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 1.5 };

try {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('There is no Chromium here (apt-get install chromium).');
  const stack = await startStack(
    {
      dir,
      redisUrl: undefined,
      settings: { POLL_SECONDS: '0.2', EVENTS_POLL_SECONDS: '0.2', LOG_LEVEL: 'error' },
      host: '127.0.0.1',
      port: await freePort(),
      simulatorPort: await freePort(),
      onLine: (name, line) => line.includes('"audit":true') || say(`${name}: ${line}`),
    },
    unwind,
  );
  const browser = await launch(executablePath);
  await unwind.add('browser', () => browser.close());
  await take(stack, browser);
} finally {
  await unwind.run();
  rmSync(dir, { recursive: true, force: true });
}

async function take(stack: Stack, browser: Browser): Promise<void> {
  const open = (place: string, options: BrowserContextOptions) =>
    openPage(browser, `${stack.apiUrl}/${place}`, options);
  const running = await playScenes(stack);
  await picture(await open('#/jobs', { ...WIDE, colorScheme: 'light' }), 'jobs-light');
  await picture(await open('#/jobs', { ...WIDE, colorScheme: 'dark' }), 'jobs-dark');
  await picture(await open(`#/jobs/${running}`, PHONE), 'job-phone');
  const image = await open(IMAGE, { ...WIDE, colorScheme: 'light' });
  await image.locator('section', { has: image.locator('svg') }).scrollIntoViewIfNeeded();
  await image.locator('svg').evaluate((node) => node.closest('section')?.scrollIntoView());
  await picture(image, 'image-light');
  const refused = await open('#/images/us-east-1/ami-0a1b2c3d4e5f60003', { ...PHONE, colorScheme: 'dark' });
  await refused.locator('.reasons').evaluate((node) => node.parentElement?.scrollIntoView());
  await picture(refused, 'reasons-phone-dark');
}

async function openPage(browser: Browser, url: string, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ ...options, locale: 'en-GB', timezoneId: 'UTC' });
  const page = await context.newPage();
  await page.goto(url);
  await untilLoaded(page);
  return page;
}

async function picture(page: Page, name: string): Promise<void> {
  const path = join(PROJECT_DIR, 'docs/screenshots', `${name}.png`);
  await page.screenshot({ path });
  await page.context().close();
  say(path);
}

/** Some history, a failure, and a copy that is under way, whose id it gives. */
async function playScenes({ apiUrl, simulatorUrl }: Stack): Promise<string> {
  const simulator = new SimulatorControl(simulatorUrl);
  const send = async (method: string, path: string, body: object): Promise<string> => {
    const headers = { 'content-type': 'application/json', prefer: 'wait=20' };
    const answer = await fetch(apiUrl + path, { method, headers, body: JSON.stringify(body) });
    const { id } = (await answer.json()) as { id: string };
    return id;
  };
  const copies = `/amis/${GOLDEN_WEB.imageId}/copies`;
  const regions = (...names: string[]) => ({ destinations: names.map((region) => ({ region })) });

  await simulator.settings({ copySeconds: 1 });
  await send('POST', copies, { ...regions('eu-west-1', 'us-west-2'), name: 'golden-web-2026.11' });
  await send('PUT', `/amis/${GOLDEN_WEB.imageId}/permissions`, {
    accounts: ['222222222222', '333333333333'],
  });
  const copyFails = { reason: 'Copy image failed', snapshotReason: 'Given key ID is not accessible' };
  await simulator.fault({ action: 'CopyImage', region: 'eu-central-1', times: 1, copyFails });
  await send('POST', copies, regions('ap-southeast-2', 'eu-central-1'));
  // Its clock is moved by hand: a busy machine must not find the copy at its end.
  await simulator.settings({ copySeconds: 6000 });
  const late = new AbortController();
  const accepted = await fetch(apiUrl + copies, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(regions('eu-north-1', 'sa-east-1', 'ap-south-1')),
    signal: late.signal,
  });
  const { id } = (await accepted.json()) as { id: string };
  await untilProgress(`${apiUrl}/jobs/${id}`, () => simulator.advanceSeconds(200), 35);
  return id;
}

async function untilProgress(url: string, goOn: () => Promise<unknown>, percent: number): Promise<void> {
  for (;;) {
    const job = (await (await fetch(url)).json()) as { progress: number };
    if (job.progress >= percent) return;
    await goOn();
    await pause();
  }
}
