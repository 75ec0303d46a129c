import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import type { Unwind } from '../../tools/dev/unwind.ts';
import { DAY_SETTINGS, playDay } from './day.ts';
import { Inspectors } from './stack/live-heap.ts';
import { setTable } from './table.ts';

/** `npm run faults -- --day`. @returns what was not as it has to be */
export async function runDay(
  workers: number,
  say: (text: string) => void,
  unwind: Unwind,
): Promise<string[]> {
  const home = await mkdtemp(join(tmpdir(), 'amiferry-day-'));
  await unwind.add('data', () => rm(home, { recursive: true, force: true }));
  const inspectors = new Inspectors();
  const table = await setTable({
    dir: PROJECT_DIR,
    home,
    workers,
    settings: DAY_SETTINGS,
    log: inspectors.log,
  });
  await unwind.add('stack', () => table.clear());
  const wrong = await playDay(table, inspectors, say);
  return [...wrong, ...table.seen.map(({ what }) => what)];
}
