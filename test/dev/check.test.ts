import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyTree } from '../helpers/tree.ts';
import type { Tree } from '../helpers/tree.ts';

/** A copy of the project, to be broken. */
let tree: Tree;

beforeEach(async () => {
  tree = await copyTree();
});
afterEach(() => tree.remove());

/** `npm run check -- <names>` in the copy. */
async function check(...names: string[]) {
  const child = spawn(process.execPath, ['src/bin/check.ts', ...names], {
    cwd: tree.dir,
    env: { ...process.env, NO_COLOR: '1' },
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code: child.exitCode, output };
}

const append = (file: string, code: string) => appendFile(join(tree.dir, file), `${code}\n`);

/** CI runs all of it on the tree as it is, beside the tests. */
test('passes on the tree as it is', async () => {
  const { code, output } = await check('openapi');
  expect(code, output).toBe(0);
  expect(output).toMatch(/^✓ openapi/m);
});

test('a type error', async () => {
  await append('src/errors.ts', `export const wrong: number = 'text';`);
  const { code, output } = await check('types');
  expect(output).toMatch(/^✗ types[\s\S]*src\/errors\.ts.*TS2322/m);
  expect(code).toBe(1);
});

test('a lint error, and each kind of import that goes against the way through the house', async () => {
  await append('src/logging.ts', 'export const loose = (value: any) => value;');
  await append('src/http/app.ts', `export * from '../worker/registry.ts';`);
  await append('src/worker/registry.ts', `export const lazily = () => import('../http/app.ts');`);
  await append('src/commands/deps.ts', `export * from '../bin/phases.ts';`);
  await append('src/store/keys.ts', `export type * from '../commands/deps.ts';`);
  await append('src/domain/ami.ts', `export { pino } from 'pino';`);
  await append('src/domain/job.ts', `export { ERRORS } from '../errors.ts';`);
  await append('src/ec2/classify.ts', `export * from '../simulator/index.ts';`);
  const { code, output } = await check('lint');
  expect(output).toMatch(/^✗ lint/m);
  for (const finding of [
    /no-explicit-any[\s\S]*?src\/logging\.ts/,
    /'\.\.\/worker\/registry\.ts' import is restricted[\s\S]*?src\/http\/app\.ts[\s\S]*?http never imports worker/,
    /'\.\.\/http\/app\.ts' import is restricted[\s\S]*?src\/worker\/registry\.ts[\s\S]*?worker never imports http/,
    /'\.\.\/bin\/phases\.ts' import is restricted[\s\S]*?src\/commands\/deps\.ts[\s\S]*?nothing imports bin/,
    /'\.\.\/commands\/deps\.ts' import is restricted[\s\S]*?src\/store\/keys\.ts/,
    /'pino' import is restricted[\s\S]*?src\/domain\/ami\.ts[\s\S]*?domain imports nothing/,
    /'\.\.\/errors\.ts' import is restricted[\s\S]*?src\/domain\/job\.ts[\s\S]*?only types/,
    /'\.\.\/simulator\/index\.ts' import is restricted[\s\S]*?src\/ec2\/classify\.ts/,
  ])
    expect(output).toMatch(finding);
  expect(code).toBe(1);
});

test('a file that is not formatted', async () => {
  await append('src/errors.ts', 'export const  spaced = [ 1 ]');
  const { code, output } = await check('format');
  expect(output).toMatch(/^✗ format[\s\S]*src\/errors\.ts/m);
  expect(code).toBe(1);
});

test('a changed route without a new openapi.json', async () => {
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
  const { code } = await check('typos');
  expect(code).toBe(2);
});
