import { afterEach, expect, test } from 'vitest';
import { Unwind } from '../../tools/dev/unwind.ts';
import { PATIENT } from './bounds.ts';
import { run } from './run.ts';
import { SCENARIOS } from './schedule.ts';

/** One of each kind; `npm run faults` plays them all. */
const PLAYED = [
  'start-copies: CopyImage answered, not saved',
  'hold-source: one snapshot shared, the next one not',
  'Redis killed',
  'SIGTERM to a worker under load',
  'SIGTERM to the API under load',
];

/** The one comes back and goes on with what it left behind. `npm run faults` has two. */
const WORKERS = 1;

const unwind = new Unwind((phase, error) => {
  throw new Error(`${phase} did not stop`, { cause: error });
});
afterEach(() => unwind.run());

test('nothing is lost, made twice or stuck when processes, Redis and EC2 fail', async () => {
  const scenarios = SCENARIOS.filter(({ name }) => PLAYED.includes(name));
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  const options = {
    seed: 1,
    from: 0,
    rounds: PLAYED.length,
    workers: WORKERS,
    scenarios,
    say,
    bounds: PATIENT,
  };
  const { results, log } = await run(options, unwind);
  const played = results.map(({ scenario }) => scenario.name);
  expect(played.toSorted()).toEqual(PLAYED.toSorted());
  const findings = results.flatMap((one) => one.findings);
  expect(findings, `${said.join('\n')}\nlogs: ${log}`).toEqual([]);
  const killed = results.filter(({ scenario }) => scenario.kind === 'kill');
  expect(killed.every(({ hits }) => hits > 0)).toBe(true);
});
