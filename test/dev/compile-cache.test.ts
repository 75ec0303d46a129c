import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

const run = promisify(execFile);

/** What is loaded before every entry point, in a place of its own. */
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'amiferry-cache-'));
  await mkdir(join(dir, 'src/bin'), { recursive: true });
  await cp(join(PROJECT_DIR, 'src/bin/require-node.js'), join(dir, 'src/bin/require-node.mjs'));
  await writeFile(join(dir, 'main.ts'), 'const hello: string = "hello";\nprocess.stdout.write(hello);\n');
});
afterEach(() => rm(dir, { recursive: true }));

/** Vitest disables the cache when it measures coverage. */
const { NODE_DISABLE_COMPILE_CACHE: _disabled, ...env } = process.env;

const start = (script: string) =>
  run(process.execPath, ['--import', join(dir, 'src/bin/require-node.mjs'), script], {
    cwd: dir,
    env: { ...env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
  });

test('what was compiled for one start is taken by the next', async () => {
  const [first, second] = [await start('main.ts'), await start('main.ts')];
  expect([first.stdout, second.stdout].map((out) => out.includes('hello'))).toEqual([true, true]);
  const accepted = /cache for .*main\.ts.* was accepted/;
  const told = ({ stdout, stderr }: typeof first) => stdout + stderr;
  expect(told(first)).not.toMatch(accepted);
  expect(told(second)).toMatch(accepted);
});

test('where nobody may write, it starts all the same', async () => {
  await writeFile(join(dir, 'node_modules'), 'not a directory');
  expect((await start('main.ts')).stdout).toContain('hello');
});
