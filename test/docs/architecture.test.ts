import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
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

test('the documents name only files that are there', () => {
  const named = globSync('docs/*.md', { cwd: PROJECT_DIR }).flatMap((path) =>
    [...read(path).matchAll(/`((?:src|simulator|console|tools|test|bench)\/[\w./-]+)`/g)].map(
      ([, file = '']) => file,
    ),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((file) => !existsSync(join(PROJECT_DIR, file)))).toEqual([]);
});
