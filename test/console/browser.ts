import type { AddressInfo } from 'node:net';
import type { AxeResults } from 'axe-core';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { expect } from 'vitest';
import { findChromium } from '../../tools/dev/chromium.ts';
import type { AppDeps } from '../../src/http/deps.ts';
import type { ServiceOptions } from '../helpers/service.ts';
import { PATIENCE } from '../helpers/waiting.ts';
import type { Api } from '../http/api.ts';
import { startApi } from '../http/api.ts';

const executablePath = findChromium();
/** Whether there is nothing to test with. In CI that is a failure, elsewhere a line says so. */
export const noChromium = executablePath === undefined && process.env['CI'] === undefined;
if (noChromium) {
  process.stdout.write(
    'The console is not tested: there is no Chromium here (on Debian: apt-get install chromium).\n',
  );
}

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Pages don't move by themselves. */
const CALM: BrowserContextOptions = { reducedMotion: 'reduce' };

let shared: Promise<Browser> | undefined;

/**
 * The one Chromium of this test process, started for the first test that needs it. It ends with the process; each API's console has
 * a profile of its own.
 */
export function sharedBrowser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error('CI is set, so Chromium has to be there');
  shared ??= launch(executablePath);
  return shared;
}

/** Chromium without a window, and without a word to anyone but the pages that it is given. */
export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: FLAGS });
}

/** Resolves once the page has read all that it shows. Without eval, which its CSP forbids to tests too. */
export async function untilLoaded(page: Page): Promise<void> {
  await page
    .locator('main:has(h1, .problem):not(:has-text("Loading …")):not(:has-text("Connecting …"))')
    .waitFor();
}

/** The API, really listening, with a browser that looks at its console. */
export interface Console {
  api: Api;
  /** Opens the console at a place, such as `#/jobs`. With options it gets a profile of its own. */
  open(place: string, options?: BrowserContextOptions): Promise<Page>;
  /** Lets so many seconds pass for EC2 and the service, and runs what is due then. */
  pass(seconds: number): Promise<void>;
  /** Runs what is due, without moving time on, until a page shows something. */
  soonShows(something: Locator): Promise<void>;
  /** Waits until a page shows something, and runs the service's steps, and its time, meanwhile. */
  shows(something: Locator): Promise<void>;
  /** What no page may have: errors of scripts, errors on the console, breaches of the CSP, requests elsewhere. */
  faults: string[];
  stop(): Promise<void>;
}

/** Starts both. `options` and `changes` are those of the API's harness. */
export async function startConsole(
  options: ServiceOptions = {},
  changes: Partial<AppDeps> = {},
): Promise<Console> {
  const api = await startApi(options, changes);
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const origin = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
  const browser = await sharedBrowser();
  const { steps } = api.service;
  const faults: string[] = [];

  const common = await browser.newContext(CALM);
  const open: Console['open'] = async (place, contextOptions) => {
    const own =
      contextOptions === undefined ? null : await browser.newContext({ ...CALM, ...contextOptions });
    const page = await (own ?? common).newPage();
    page.once('close', () => void own?.close());
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', (error) => faults.push(error.message));
    // A breach of the CSP is such an error too. A refusal of the API is meant, and shown on the page.
    page.on('console', (line) => {
      if (line.type() === 'error' && !line.text().startsWith('Failed to load resource'))
        faults.push(line.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(origin)) faults.push(`asked ${request.url()}`);
    });
    await page.goto(`${origin}/${place}`);
    await untilLoaded(page);
    return page;
  };
  return {
    api,
    open,
    pass: async (seconds) => {
      await steps.advance(seconds * 1000);
      await steps.runDue();
    },
    soonShows: (something) => steps.untilNow(() => something.isVisible()),
    shows: (something) => steps.during(something.waitFor()),
    faults,
    stop: async () => {
      await common.close();
      await api.stop();
    },
  };
}

/** No error of a script, no breach of the CSP, no request to anybody else. */
export function expectNoFaults({ faults }: Console): void {
  expect(faults.splice(0)).toEqual([]);
}

/** What axe-core holds against the page that matters. */
export async function serious(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
