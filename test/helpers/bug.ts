import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A bug, as a change of one place in the source. */
export interface Bug {
  /** From the project's directory. */
  file: string;
  is: string;
  becomes: string;
}

/** Applies a bug to a copy of the project. @throws if its place does not occur exactly once in the source */
export async function putIn(dir: string, name: string, { file, is, becomes }: Bug): Promise<void> {
  const path = join(dir, file);
  const source = await readFile(path, 'utf8');
  const places = source.split(is).length - 1;
  if (places !== 1) throw new Error(`${name} no longer applies: its text occurs ${places} times in ${file}`);
  await writeFile(
    path,
    source.replace(is, () => becomes),
  );
}
