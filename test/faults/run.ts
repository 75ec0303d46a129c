import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { Unwind } from '../../tools/dev/unwind.ts';
import type { Bounds } from './bounds.ts';
import { withBug } from './bugs.ts';
import type { Options } from './options.ts';
import type { RoundResult } from './report.ts';
import type { Outcome } from './round.ts';
import { playRound } from './round.ts';
import type { Scenario } from './scenario.ts';
import { schedule } from './schedule.ts';
import type { Table } from './table.ts';
import { setTable } from './table.ts';
import { learnScriptsOf } from './wire/script-names.ts';

export interface Run {
  results: readonly RoundResult[];
  /** Milliseconds from each kill of a worker at work to its work going on. */
  recoveries: readonly number[];
  /** Where the processes' logs are. */
  log: string;
}

export interface RunOptions extends Pick<Options, 'seed' | 'from' | 'rounds' | 'workers'> {
  scenarios: readonly Scenario[];
  bounds?: Bounds;
  /** Runs a copy of the source with this bug in it, up to the first finding. */
  bug?: string | undefined;
  say(text: string): void;
}

/**
 * Plays the rounds, one after the other, on one running stack. After a round that found anything, or that the harness could not play to
 * its end, the next one gets a fresh stack, so that it can't suffer from the same again. Everything is stopped in the end, by `unwind`.
 */
export async function run(options: RunOptions, unwind: Unwind): Promise<Run> {
  const home = await mkdtemp(join(tmpdir(), 'amiferry-faults-'));
  const log = `${home}.log`;
  const file = createWriteStream(log);
  await unwind.add('log', async () => void file.end());
  await unwind.add('data', () => rm(home, { recursive: true, force: true }));
  const write = (text: string) => void file.write(`${new Date().toISOString()} ${text}\n`);

  const dir = options.bug === undefined ? PROJECT_DIR : await withBug(options.bug, home);
  await learnScriptsOf(dir);
  const results: RoundResult[] = [];
  const recoveries: number[] = [];
  let table: Table | undefined;
  await unwind.add('stack', async () => table?.clear());
  const { seed, from, rounds, scenarios, say } = options;
  for (const [round, scenario] of schedule(seed, from + rounds, scenarios).entries()) {
    if (round < from || unwind.begun) continue;
    write(`== round ${round}: ${scenario.name}`);
    const since = performance.now();
    const outcome = await orBrokenOff(async () => {
      table ??= await setTable({ ...options, dir, home, log: write });
      return playRound(table, scenario, seed, round);
    });
    const result = { round, scenario, ...outcome, took: performance.now() - since };
    results.push(result);
    recoveries.push(...(table?.recovery.times.splice(0) ?? []));
    say(describe(result));
    if (outcome.findings.length === 0 && outcome.brokenOff === null) continue;
    await table?.clear();
    table = undefined;
    if (options.bug !== undefined && outcome.findings.length > 0) break;
  }
  return { results, recoveries, log };
}

/** One bad round may find the same thing many times over. */
const FINDINGS_SHOWN = 8;

/** A round that the harness can't play to its end says so in the table; the other rounds are played all the same. */
async function orBrokenOff(play: () => Promise<Outcome>): Promise<Outcome & Pick<RoundResult, 'brokenOff'>> {
  try {
    return { ...(await play()), brokenOff: null };
  } catch (error) {
    return { findings: [], hits: 0, brokenOff: reasonsOf(error) };
  }
}

/** The message of an error and of its causes. */
function reasonsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${reasonsOf(error.cause)}`;
}

function describe({ round, scenario: { name }, took, findings, brokenOff }: RoundResult): string {
  const head = `${String(round).padStart(4)} ${(took / 1000).toFixed(1).padStart(5)} s  ${name}`;
  const lines = findings
    .slice(0, FINDINGS_SHOWN)
    .map(({ kind, what }) => `     ${kind.toUpperCase()}: ${what}`);
  const more = findings.length - lines.length;
  return [
    head,
    ...lines,
    ...(more > 0 ? [`     and ${more} more`] : []),
    ...(brokenOff === null ? [] : [`     BROKEN OFF: the harness could not go on: ${brokenOff}`]),
  ].join('\n');
}
