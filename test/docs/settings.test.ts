import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { settingsTable } from '../../src/config/config.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

const README = readFileSync(join(PROJECT_DIR, 'README.md'), 'utf8');

/** The list of all regions is too long for a table. */
const shown = (value: string) => {
  if (value === '') return 'not set';
  return value.length > 40 ? 'see .env.example' : `\`${value}\``;
};

test('the README lists exactly the settings of config.ts, with their defaults and meanings', () => {
  const [, section = ''] = README.split(/^## Settings$/m);
  const [table = ''] = section.split(/^## /m);
  const expected = settingsTable().map(
    (one) => `| \`${one.name}\` | ${shown(one.default)} | ${one.description} |`,
  );
  expect(table.split('\n').filter((line) => line.startsWith('| `'))).toEqual(expected);
});
