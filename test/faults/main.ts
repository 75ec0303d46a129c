import { rmSync } from 'node:fs';
import { onStopSignal } from '../../tools/dev/signals.ts';
import { Unwind } from '../../tools/dev/unwind.ts';
import { scenariosOf } from './bugs.ts';
import { MINUTE } from './faults.ts';
import { commandFor, readOptions } from './options.ts';
import { report, shortcomings } from './report.ts';
import { run } from './run.ts';
import { runDay } from './run-day.ts';
import { SCENARIOS } from './schedule.ts';

/** `npm run faults`: see README.md. */
const say = (text: string) => void process.stdout.write(`${text}\n`);
const options = readOptions(process.argv.slice(2));
const unwind = new Unwind((phase, error) => say(`${phase} did not stop: ${String(error)}`));
onStopSignal(() => void unwind.run().then(() => process.exit(130)));

/** What was started is stopped, however the work ends. */
async function andStop<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } finally {
    await unwind.run();
  }
}

if (options.day) {
  const wrong = await andStop(runDay(options.workers, say, unwind));
  for (const one of wrong) say(`FAILED: ${one}`);
  process.exit(wrong.length === 0 ? 0 : 1);
}
const all = options.long ? [...SCENARIOS, MINUTE] : SCENARIOS;
const only = options.only ?? scenariosOf(options.bug ?? '') ?? '';
const scenarios = all.filter(({ name }) => name.includes(only));
say(`seed ${options.seed}`);
const { results, recoveries, log } = await andStop(run({ ...options, scenarios, say }, unwind));
if (options.bug !== undefined) {
  const caught = results.some(({ findings }) => findings.length > 0);
  say(caught ? `${options.bug}: caught in round ${results.length}` : `${options.bug}: NOT CAUGHT`);
  if (caught) rmSync(log, { force: true });
  process.exit(caught ? 0 : 1);
}
say(report(scenarios, results, recoveries));
const short = shortcomings(scenarios, results, recoveries);
for (const one of short) say(`FAILED: ${one}`);
const bad = results.find(({ findings, brokenOff }) => findings.length > 0 || brokenOff !== null);
if (bad === undefined && short.length === 0) {
  rmSync(log, { force: true });
} else {
  say(`again: ${commandFor(options, bad)}`);
  say(`logs: ${log}`);
  process.exitCode = 1;
}
