import { styleText } from 'node:util';
import { CHECKS, runCheck } from '../dev/checks.ts';
import type { Verdict } from '../dev/checks.ts';

/** `npm run check`: everything; `npm run check -- types lint`: just those. Exit code 1 when one fails. */
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

function report(verdict: Verdict): Verdict {
  const { check, ok, output } = verdict;
  const mark = ok ? styleText('green', '✓') : styleText('red', '✗');
  process.stdout.write(`${mark} ${check.name}: ${check.what}\n${ok ? '' : `${output.trimEnd()}\n`}`);
  return verdict;
}
