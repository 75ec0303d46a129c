import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { copyTree } from '../helpers/tree.ts';
import type { Tree } from '../helpers/tree.ts';

/** What `npm run check` itself consists of, and its settings. */
const CHECK = [
  'package.json',
  'tsconfig.json',
  '.oxlintrc.json',
  '.oxfmtrc.json',
  'tools/bin/check.ts',
  'src/bin/require-node.js',
  'tools/dev/checks.ts',
  'tools/dev/project.ts',
];

/** A part of the project, to be broken. CI runs all checks on the whole of it as it is, beside the tests. */
let tree: Tree;
afterEach(() => tree.remove());

/** `npm run check -- <names>` in the copy. */
async function check(...names: string[]) {
  const child = spawn(
    process.execPath,
    ['--import', './src/bin/require-node.js', 'tools/bin/check.ts', ...names],
    {
      cwd: tree.dir,
      env: { ...process.env, NO_COLOR: '1' },
    },
  );
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code: child.exitCode, output };
}

async function write(files: Record<string, string>): Promise<void> {
  for (const [file, code] of Object.entries(files)) {
    await mkdir(dirname(join(tree.dir, file)), { recursive: true });
    await writeFile(join(tree.dir, file), `${code}\n`);
  }
}

/** As few files as there can be: what is compiled and linted costs more than anything else here. */
const SOUND = {
  'src/bin/phases.ts': 'export const phase = 1;',
  'simulator/index.ts': 'export const simulated = true;',
  'test/one.test.ts': 'export const tested = true;',
  'bench/one.ts': 'export const measured = true;',
};

const TYPE_ERROR = { 'src/errors.ts': `export const ERRORS: number = 'text';` };

const NOT_FORMATTED = { 'bench/spaced.ts': 'export const  spaced = [ 1 ]' };

const LINT_ERRORS = {
  'src/logging.ts': 'export const loose = (value: any): unknown => value;',
  'src/secrets.ts': 'const read = async () => 1;\nread();',
};

const BAD_IMPORTS = {
  'src/http/app.ts': `export * from '../worker/registry.ts';`,
  'src/worker/registry.ts': `export const lazily = () => import('../http/app.ts');`,
  'src/commands/deps.ts': `export * from '../bin/phases.ts';`,
  'src/store/keys.ts': `export type * from '../commands/deps.ts';`,
  'src/domain/ami.ts': `export { pino } from 'pino';`,
  'src/domain/job.ts': `export { ERRORS } from '../errors.ts';`,
  'src/aws/aws-error.ts': `export * from '../simulator/index.ts';`,
};

/** A type error; a file that is not formatted; lint errors, one of which only types show; each kind of forbidden import. */
const FINDINGS = [
  /^✗ types: [\s\S]*?src\/errors\.ts.*TS2322/m,
  /^✗ format: [\s\S]*?bench\/spaced\.ts/m,
  /^✗ lint: /m,
  /no-explicit-any[\s\S]*?src\/logging\.ts/,
  /no-floating-promises[\s\S]*?src\/secrets\.ts/,
  /'\.\.\/worker\/registry\.ts' import is restricted[\s\S]*?src\/http\/app\.ts[\s\S]*?http never imports worker/,
  /'\.\.\/http\/app\.ts' import is restricted[\s\S]*?src\/worker\/registry\.ts[\s\S]*?worker never imports http/,
  /'\.\.\/bin\/phases\.ts' import is restricted[\s\S]*?src\/commands\/deps\.ts[\s\S]*?nothing imports bin/,
  /'\.\.\/commands\/deps\.ts' import is restricted[\s\S]*?src\/store\/keys\.ts/,
  /'pino' import is restricted[\s\S]*?src\/domain\/ami\.ts[\s\S]*?domain imports nothing/,
  /'\.\.\/errors\.ts' import is restricted[\s\S]*?src\/domain\/job\.ts[\s\S]*?only types/,
  /'\.\.\/simulator\/index\.ts' import is restricted[\s\S]*?src\/aws\/aws-error\.ts/,
];

test('passes where nothing is wrong, then names every type, lint, import and format error at once', async () => {
  tree = await copyTree(CHECK);
  await write(SOUND);
  const passed = await check('types', 'lint', 'format');
  expect(passed.code, passed.output).toBe(0);
  for (const name of ['types', 'lint', 'format'])
    expect(passed.output).toMatch(new RegExp(`^✓ ${name}: `, 'm'));

  await write({ ...TYPE_ERROR, ...NOT_FORMATTED, ...LINT_ERRORS, ...BAD_IMPORTS });
  const { code, output } = await check('types', 'lint', 'format');
  for (const finding of FINDINGS) expect(output).toMatch(finding);
  expect(code).toBe(1);
});

test('a changed route without a new openapi.json fails', async () => {
  tree = await copyTree([...CHECK, 'src', 'console', 'tools', 'openapi']);
  await changeSummary(join(tree.dir, 'src/http/routes'));
  const { code, output } = await check('openapi');
  expect(output).toMatch(/^✗ openapi[\s\S]*npm run openapi/m);
  expect(code).toBe(1);
});

/** Gives every route another summary. */
async function changeSummary(routes: string): Promise<void> {
  let changed = 0;
  for (const file of await readdir(routes)) {
    const source = await readFile(join(routes, file), 'utf8');
    const other = source.replaceAll(/summary: '/g, `summary: 'Changed: `);
    if (other !== source) changed += 1;
    await writeFile(join(routes, file), other);
  }
  expect(changed).toBeGreaterThan(0);
}

test('a name that is no check', async () => {
  tree = await copyTree(CHECK);
  const { code } = await check('typos');
  expect(code).toBe(2);
});
