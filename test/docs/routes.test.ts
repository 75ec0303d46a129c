import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

const read = (path: string) => readFile(join(PROJECT_DIR, path), 'utf8');

test("the README's table has a row for every route of the OpenAPI document", async () => {
  const { paths } = JSON.parse(await read('openapi/openapi.json')) as { paths: Record<string, object> };
  const rows = (await read('README.md')).split('\n').filter((line) => line.startsWith('| `'));
  const named = new Set(rows.flatMap((row) => row.split('|')[1]?.match(/\/[^`\s,]*/g) ?? []));
  const missing = Object.keys(paths).filter((path) => !named.has(path));
  expect(missing, 'add a row under "What it does" in README.md').toEqual([]);
});
