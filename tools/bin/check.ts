import { styleText } from 'node:util';
import { CHECKS, runCheck } from '../dev/checks.ts';
import type { Verdict } from '../dev/checks.ts';

/** `npm run check` runs all checks, `npm run check -- types lint` only those. The exit code is 1 if one fails. */
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => CHECKS.every((check) => check.name !== name));
if (unknown.length > 0) {
  process.stderr.write(
    `No such check: ${unknown.join(', ')}. There are ${CHECKS.map(({ name }) => name).join(', ')}.\n`,
  );
  process.exit(2);
}

const chosen = CHECKS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const verdicts = await Promise.all(chosen.map(async (check) => report(await runCheck(check))));
process.exitCode = verdicts.every(({ ok }) => ok) ? 0 : 1;

/** The notes of a check that passed. */
function notesIn(output: string): string {
  const lines = output.split('\n').filter((line) => line.startsWith('Note: '));
  return lines.join('\n');
}

function report(verdict: Verdict): Verdict {
  const { check, ok, output } = verdict;
  const mark = ok ? styleText('green', '✓') : styleText('red', '✗');
  const shown = ok ? notesIn(output) : output.trimEnd();
  process.stdout.write(`${mark} ${check.name}: ${check.what}\n${shown === '' ? '' : `${shown}\n`}`);
  return verdict;
}
