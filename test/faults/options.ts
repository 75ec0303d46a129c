import { parseArgs } from 'node:util';

export interface Options {
  seed: number;
  /** The first round to play, from 0: with the seed it tells the scenario and all its choices. */
  from: number;
  rounds: number;
  workers: number;
  /** Only scenarios whose name contains this. */
  only: string | undefined;
  /** Put this bug into a copy of the source, and expect it to be found. See bugs.ts. */
  bug: string | undefined;
  /** Play the outage of a whole minute too. */
  long: boolean;
  /** Play 24 simulated hours instead of rounds. */
  day: boolean;
}

/** Reads the command line of `npm run faults`. @throws on what it does not know */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      from: { type: 'string', default: '0' },
      rounds: { type: 'string', default: '20' },
      workers: { type: 'string', default: '2' },
      only: { type: 'string' },
      bug: { type: 'string' },
      long: { type: 'boolean', default: false },
      day: { type: 'boolean', default: false },
    },
  });
  const { only, bug, long, day } = values;
  return {
    seed: number('seed', values.seed ?? String(Math.floor(Math.random() * 1_000_000))),
    from: number('from', values.from),
    rounds: number('rounds', values.rounds),
    workers: number('workers', values.workers),
    only,
    bug,
    long,
    day,
  };
}

/** The command that plays a round again, or all of them. */
export function commandFor(options: Options, bad: { round: number } | undefined): string {
  const { from, rounds } = bad === undefined ? options : { from: bad.round, rounds: 1 };
  const only = options.only === undefined ? '' : ` --only '${options.only}'`;
  return `npm run faults -- --seed ${options.seed} --from ${from} --rounds ${rounds} --workers ${options.workers}${options.long ? ' --long' : ''}${only}`;
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`--${name} must be a whole number, not "${text}"`);
  return value;
}
