import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { settingsTable } from '../../src/config/config.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

const PAGE = readFileSync(join(PROJECT_DIR, 'docs/settings.md'), 'utf8');

/** The list of all regions is too long for a table. */
const shown = (value: string) => {
  if (value === '') return 'not set';
  return value.length > 40 ? 'see .env.example' : `\`${value}\``;
};

test('docs/settings.md lists exactly the settings of config.ts, with their defaults and meanings', () => {
  const expected = settingsTable().map(
    (one) => `| \`${one.name}\` | ${shown(one.default)} | ${one.description} |`,
  );
  expect(PAGE.split('\n').filter((line) => line.startsWith('| `'))).toEqual(expected);
});
