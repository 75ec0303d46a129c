import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_DIR } from '../../src/dev/project.ts';
import { STEP_PAYLOADS } from '../../src/queue/jobs.ts';

const read = (path: string) => readFileSync(join(PROJECT_DIR, path), 'utf8');
const page = read('docs/architecture.md').split('\n');

test('docs/architecture.md has every row of the table of keys in src/store/keys.ts', () => {
  const table = [...read('src/store/keys.ts').matchAll(/^ \* (\|.*\|)$/gm)].map(([, row = '']) => row);
  expect(table.length).toBeGreaterThan(5);
  expect(page).toEqual(expect.arrayContaining(table));
});

test('docs/architecture.md tells of every step', () => {
  const steps =
    page
      .join('\n')
      .split('\n## ')
      .find((section) => section.startsWith('The steps')) ?? '';
  const told = [...steps.matchAll(/^\| `([a-z-]+)` \| .* \| .* \|$/gm)].map(([, step]) => step);
  expect(new Set(told)).toEqual(new Set(Object.keys(STEP_PAYLOADS)));
});
