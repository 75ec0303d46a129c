import { onStopSignal } from '../../tools/dev/signals.ts';
import { Unwind } from '../../tools/dev/unwind.ts';
import { putIn } from '../helpers/bug.ts';
import { copyTree } from '../helpers/tree.ts';
import { runSuite } from '../helpers/suite.ts';
import { BUGS } from './bugs.ts';

/**
 * `npm run test:bugs`: puts one bug after the other into a copy of the project and runs the fast tests there. Exit code 1 when
 * one is not caught. `npm run test:bugs -- TEXT` tries those whose name contains the text.
 */
const say = (text: string) => void process.stdout.write(`${text}\n`);
const unwind = new Unwind((phase, error) => say(`${phase} did not stop: ${String(error)}`));
onStopSignal(() => void unwind.run().then(() => process.exit(130)));

const only = process.argv[2] ?? '';
for (const [name, bug] of Object.entries(BUGS).filter(([one]) => one.includes(only))) {
  if (unwind.begun) break;
  const tree = await copyTree();
  await unwind.add('the copy of the project', () => tree.remove());
  await putIn(tree.dir, name, bug);
  const { failed, passed } = await runSuite({ dir: tree.dir, tests: bug.tests }, unwind);
  say(
    failed.length > 0 ? `${name}: caught by ${failed.length} tests, ${passed} passed` : `${name}: NOT CAUGHT`,
  );
  for (const { name: test } of failed) say(`  ${test}`);
  if (failed.length === 0) process.exitCode = 1;
}
await unwind.run();
