import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readResults } from '../../bench/report/results.ts';
import { MEASURED, recalculated } from '../../bench/report/scale.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

const page = readFileSync(join(PROJECT_DIR, 'docs/scale.md'), 'utf8');
const results = readResults(join(PROJECT_DIR, 'docs/performance'));

test('the arithmetic of docs/scale.md follows from its inputs, and those that were measured from docs/performance', () => {
  expect(recalculated(page, results)).toBe(page);
});

test('it does follow: another input gives other results, also in the text', () => {
  const doubled = page.replace('| `copiesPerDay` | 1,000,000 |', '| `copiesPerDay` | 2,000,000 |');
  const again = recalculated(doubled, results);
  expect(again).not.toBe(doubled);
  expect(again).toContain('| `perSecond` | `copiesPerDay / 86400` | 23.1 |');
  expect(again.match(/\*\*[^*]+\*\*<!-- \w+ -->/g)).not.toEqual(page.match(/\*\*[^*]+\*\*<!-- \w+ -->/g));
});

test('everything that is measured for it is one of its inputs', () => {
  const inputs = [...page.matchAll(/^\| `(\w+)` \| [\d.,]+ \|/gm)].map(([, name]) => name);
  expect(inputs).toEqual(expect.arrayContaining(Object.keys(MEASURED)));
});
