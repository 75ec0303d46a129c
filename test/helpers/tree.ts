import { cp, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_DIR } from '../../src/dev/project.ts';

const FOLDERS = ['src', 'test', 'bench', 'openapi'];
const FILES = [
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  '.oxlintrc.json',
  '.oxfmtrc.json',
  '.gitignore',
];

export interface Tree {
  dir: string;
  remove(): Promise<void>;
}

/** A copy of the project in a directory of its own, with the same node_modules: to be broken, or to be run apart. */
export async function copyTree(): Promise<Tree> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'amiferry-tree-')));
  for (const part of [...FOLDERS, ...FILES])
    await cp(join(PROJECT_DIR, part), join(dir, part), { recursive: true });
  await symlink(join(PROJECT_DIR, 'node_modules'), join(dir, 'node_modules'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}
