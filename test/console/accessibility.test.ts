import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { GOLDEN_WEB } from '../helpers/service.ts';
import type { Console } from './browser.ts';
import { expectNoFaults, noChromium, serious, startConsole, untilLoaded } from './browser.ts';

const IMAGE = `#/images/${GOLDEN_WEB.region}/${GOLDEN_WEB.imageId}`;
const LEGACY = '#/images/us-east-1/ami-0a1b2c3d4e5f60003';

describe.skipIf(noChromium)('the console is for everybody', () => {
  let site: Console;
  beforeAll(async () => {
    site = await startConsole({ simulator: { copySeconds: 1 } });
  });
  afterAll(() => site?.stop());
  afterEach(() => expectNoFaults(site));

  test('a copy can be started with the keyboard alone', async () => {
    const page = await site.open('#/jobs');
    const tabTo = async (what: string) => {
      for (let i = 0; i < 80; i += 1) {
        await page.keyboard.press('Tab');
        if (await page.locator(':focus').evaluate((node, what) => node.matches(what), what)) return;
      }
      throw new Error(`Tab never came to ${what}`);
    };
    await tabTo('.skip');
    expect((await page.locator('.skip').boundingBox())?.y).toBeGreaterThanOrEqual(0);
    await tabTo('a[href="#/copy"]');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Copy an image' }).waitFor();
    await tabTo('[name=imageId]');
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineWidth');
    expect(outline).toBe('3px');
    await page.keyboard.type(GOLDEN_WEB.imageId);
    await tabTo('[value=eu-central-1]');
    await page.keyboard.press('Space');
    await tabTo('[name=name]');
    await page.keyboard.type('by-keyboard');
    await page.keyboard.press('Enter');
    await site.shows(page.locator('progress[data-state=succeeded]'));
    await page.close();
  });

  test.each([
    ['light', 1000],
    ['dark', 360],
  ] as const)(
    'axe-core finds nothing serious, %s at %i px, and nothing is cut off',
    async (colorScheme, width) => {
      const page = await site.open('#/jobs', { colorScheme, viewport: { width, height: 800 } });
      const { id } = await site.api.service.copy({ destinations: [{ region: 'eu-west-3' }] });
      for (const place of ['#/jobs', `#/jobs/${id}`, IMAGE, LEGACY, '#/copy']) {
        await page.evaluate(`location.hash = '${place}'`);
        await untilLoaded(page);
        expect(await serious(page)).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      }
      await page.close();
    },
  );
});
