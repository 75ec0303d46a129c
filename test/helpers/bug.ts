import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A mistake that could have been made, as a change of one place in the source. */
export interface Bug {
  /** From the project's directory. */
  file: string;
  is: string;
  becomes: string;
}

/** Puts a bug into a copy of the project. @throws when its place in the source is not there exactly once */
export async function putIn(dir: string, name: string, { file, is, becomes }: Bug): Promise<void> {
  const path = join(dir, file);
  const source = await readFile(path, 'utf8');
  const places = source.split(is).length - 1;
  if (places !== 1) throw new Error(`${name} no longer applies: ${file} has its place ${places} times`);
  await writeFile(
    path,
    source.replace(is, () => becomes),
  );
}
