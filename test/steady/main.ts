import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { onStopSignal } from '../../tools/dev/signals.ts';
import { stopChild } from '../../tools/dev/stop-child.ts';
import { tether } from '../../tools/dev/tether.ts';
import { Unwind } from '../../tools/dev/unwind.ts';
import { runSuite } from '../helpers/suite.ts';
import { tally } from './tally.ts';

/**
 * `npm run test:steady`: runs the whole suite 10 times, then 5 times while four busy loops use the machine, and says which test
 * failed how often. Exit code 1 when any did. vitest's output of each run is kept in a temporary folder. `--runs N`, `--loaded N`
 * and `--loops N` change the numbers.
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    loaded: { type: 'string', default: '5' },
    loops: { type: 'string', default: '4' },
  },
});
const say = (text: string) => void process.stdout.write(`${text}\n`);
const unwind = new Unwind((phase, error) => say(`${phase} did not stop: ${String(error)}`));
onStopSignal(() => void unwind.run().then(() => process.exit(130)));

const logs = await mkdtemp(join(tmpdir(), 'amiferry-steady-'));
say(`vitest's output is kept in ${logs}`);
const quiet = await series('alone', Number(values.runs));
const busy = Number(values.loaded) > 0 ? await loaded(Number(values.loops), Number(values.loaded)) : [];
await unwind.run();
say(`\n${tally([...quiet, ...busy])}`);
process.exitCode = [...quiet, ...busy].some(({ failed }) => failed.length > 0) ? 1 : 0;

async function series(title: string, runs: number) {
  const results = [];
  for (let run = 1; run <= runs && !unwind.begun; run += 1) {
    const log = join(logs, `${title.replaceAll(' ', '-')}-${run}.log`);
    const result = await runSuite({ log }, unwind);
    results.push(result);
    say(
      `${title}, run ${run} of ${runs}: ${result.passed} passed, ${result.failed.length} failed, ${result.seconds} s`,
    );
    for (const { name, why } of result.failed)
      say(`  failed: ${name}\n    ${why.replaceAll('\n', '\n    ')}`);
  }
  return results;
}

async function loaded(loops: number, runs: number) {
  for (let i = 0; i < loops; i += 1) {
    const child = spawn(process.execPath, ['-e', 'for(;;);'], { stdio: 'ignore' });
    tether(child);
    await unwind.add('a busy loop', () => stopChild(child, 1000));
  }
  return series(`beside ${loops} busy loops`, runs);
}
