import { cp, mkdtemp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_DIR } from '../../src/dev/project.ts';
import type { Bug } from '../helpers/bug.ts';
import { putIn } from '../helpers/bug.ts';

/** What the harness has to find, to be believed when it finds nothing. */
const BUGS: Readonly<Record<string, Bug>> = {
  'random-token': {
    file: 'src/domain/copy-token.ts',
    is: '`${jobId}\\n${destination}\\n${attempt}`',
    becomes: 'String(Math.random())',
  },
  'no-sweep': {
    file: 'src/worker/sweep.ts',
    is: 'if (job !== null) await producer.wakeJob(',
    becomes: 'if (job === undefined) await producer.wakeJob(',
  },
  'no-version-check': {
    file: 'src/store/scripts.ts',
    is: "if version ~= plan.from then return 'conflict' end",
    becomes: "if version > 0 and plan.from == 0 then return 'conflict' end",
  },
};

/**
 * Copies the source into a directory of its own below `home`, and puts a bug into the copy.
 * @throws when there is no such bug, or when its place in the source is not there, once, any more
 */
export async function withBug(name: string, home: string): Promise<string> {
  const bug = BUGS[name];
  if (bug === undefined) throw new Error(`--bug must be one of ${Object.keys(BUGS).join(', ')}`);
  const dir = await mkdtemp(join(home, 'bug-'));
  for (const part of ['src', 'package.json'])
    await cp(join(PROJECT_DIR, part), join(dir, part), { recursive: true });
  await symlink(join(PROJECT_DIR, 'node_modules'), join(dir, 'node_modules'));
  await putIn(dir, name, bug);
  return dir;
}
