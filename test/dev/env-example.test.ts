import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { settingsTable } from '../../src/config/config.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

/** The sections of .env.example: what stands between one `# --- title ---` and the next. */
const [, service = '', simulator = '', sdk = ''] = readFileSync(
  join(PROJECT_DIR, '.env.example'),
  'utf8',
).split(/^# --- .*\n/m);

const names = (section: string) => [...section.matchAll(/^#([A-Z0-9_]+)=/gm)].map((match) => match[1] ?? '');

test('.env.example lists exactly the settings of config.ts, with their meanings and defaults', () => {
  const expected = settingsTable().map((one) => `# ${one.description}\n#${one.name}=${one.default}`);
  expect(service.trim().split('\n\n')).toEqual(expected);
});

test('.env.example lists what bin/simulator.ts reads', () => {
  const source = readFileSync(join(PROJECT_DIR, 'simulator/main.ts'), 'utf8');
  const read = [...source.matchAll(/\bSIMULATOR_[A-Z_]+/g)].map((match) => match[0]);
  expect(names(simulator).toSorted()).toEqual([...new Set(read)].toSorted());
});

test("the rest are the SDK's own names, without values", () => {
  expect(names(sdk).length).toBeGreaterThan(0);
  for (const line of sdk.trim().split('\n')) expect(line).toMatch(/^# |^#AWS_[A-Z0-9_]+=$/);
});
