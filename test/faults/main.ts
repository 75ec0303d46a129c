import { rmSync } from 'node:fs';
import { onStopSignal } from '../../src/dev/signals.ts';
import { Unwind } from '../../src/dev/unwind.ts';
import { readOptions } from './options.ts';
import { report } from './report.ts';
import { run } from './run.ts';
import { SCENARIOS } from './schedule.ts';

/** `npm run faults`: see README.md. */
const say = (text: string) => void process.stdout.write(`${text}\n`);
const options = readOptions(process.argv.slice(2));
const unwind = new Unwind((phase, error) => say(`${phase} did not stop: ${String(error)}`));
onStopSignal(() => void unwind.run().then(() => process.exit(130)));

const scenarios = SCENARIOS.filter(({ name }) => name.includes(options.only ?? ''));
say(`seed ${options.seed}`);
const { results, recoveries, log } = await run({ ...options, scenarios, say }, unwind).finally(() =>
  unwind.run(),
);
say(report(scenarios, results, recoveries));
const bad = results.find(({ findings }) => findings.length > 0);
if (bad === undefined) {
  rmSync(log, { force: true });
} else {
  const only = options.only === undefined ? '' : ` --only '${options.only}'`;
  say(`again: npm run faults -- --seed ${options.seed} --from ${bad.round} --rounds 1${only}`);
  say(`logs: ${log}`);
  process.exitCode = 1;
}
