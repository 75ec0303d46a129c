import { cp, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

const NOT_COPIED = new Set(['node_modules', '.git', '.amiferry', 'coverage']);

export interface Tree {
  dir: string;
  remove(): Promise<void>;
}

/**
 * Copies the project into its own directory with the same node_modules, to be broken or run separately.
 * @param parts the files and directories to copy; everything unless given
 */
export async function copyTree(parts: readonly string[] = ['.']): Promise<Tree> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'amiferry-tree-')));
  const filter = (path: string) => !NOT_COPIED.has(basename(path));
  for (const part of parts) await cp(join(PROJECT_DIR, part), join(dir, part), { recursive: true, filter });
  await symlink(join(PROJECT_DIR, 'node_modules'), join(dir, 'node_modules'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}
