import type { Finding } from './checker.ts';
import { KINDS } from './checker.ts';
import type { Scenario } from './scenario.ts';

/** What one round came to. */
export interface RoundResult {
  round: number;
  scenario: Scenario;
  findings: readonly Finding[];
  /** How often its moment came and it was done. */
  hits: number;
  /** Why the harness could not play the round to its end; `null` if it did. */
  brokenOff: string | null;
  /** Milliseconds. */
  took: number;
}

/** The tables that a run ends with. */
export function report(
  scenarios: readonly Scenario[],
  results: readonly RoundResult[],
  recoveries: readonly number[],
): string {
  const lines = ['', line('', 'rounds', 'times', 'broken off')];
  for (const [title, kind] of TITLES) {
    const rows = scenarios.filter((scenario) => scenario.kind === kind);
    if (rows.length === 0) continue;
    lines.push(title);
    for (const { name } of rows) {
      const played = results.filter(({ scenario }) => scenario.name === name);
      const times = kind === 'fault' ? '' : played.reduce((sum, { hits }) => sum + hits, 0);
      lines.push(line(`  ${name}`, played.length, times, brokenOff(played) || ''));
    }
  }
  return [...lines, '', recoveryLine(recoveries), totalsLine(results)].join('\n');
}

/** A run of so many rounds comes by every kill. */
const ALL_KILLS = 150;

/** Milliseconds from the death of a worker to its work going on. */
const RECOVERY_LIMIT = 10_000;

/** What makes a run a failure, apart from what its rounds found. */
export function shortcomings(
  scenarios: readonly Scenario[],
  results: readonly RoundResult[],
  recoveries: readonly number[],
): string[] {
  const killed = new Set(results.filter(({ hits }) => hits > 0).map(({ scenario }) => scenario.name));
  const missed = scenarios.filter(({ kind, name }) => kind === 'kill' && !killed.has(name));
  const broken = brokenOff(results);
  const late = recoveries.filter((time) => time > RECOVERY_LIMIT).length;
  return [
    ...(broken === 0
      ? []
      : [`${broken} rounds were broken off: the harness could not play them to their end`]),
    ...(results.length < ALL_KILLS ? [] : missed.map(({ name }) => `never killed at: ${name}`)),
    ...(late === 0 ? [] : [`${late} times work lay still for more than ${RECOVERY_LIMIT / 1000} s`]),
  ];
}

function brokenOff(results: readonly RoundResult[]): number {
  return results.filter((one) => one.brokenOff !== null).length;
}

const TITLES: readonly [string, Scenario['kind']][] = [
  ['killed at', 'kill'],
  ['paused past the lock', 'pause'],
  ['faults', 'fault'],
];

const WIDTH = 66;

function line(name: string, ...cells: (string | number)[]): string {
  return name.padEnd(WIDTH) + cells.map((cell) => String(cell).padStart(11)).join('');
}

function recoveryLine(times: readonly number[]): string {
  if (times.length === 0) return 'recovery: not measured';
  const sorted = times.toSorted((a, b) => a - b);
  const seconds = (at: number) => ((sorted[at] ?? 0) / 1000).toFixed(1);
  return `from kill -9 of the worker at work to its work going on: median ${seconds(Math.floor(sorted.length / 2))} s, worst ${seconds(sorted.length - 1)} s (${sorted.length} kills)`;
}

export function totalsLine(results: readonly RoundResult[]): string {
  const all = results.flatMap(({ findings }) => findings);
  const totals = KINDS.map((kind) => `${all.filter((one) => one.kind === kind).length} ${kind}`);
  return `${results.length} rounds, ${brokenOff(results)} broken off: ${totals.join(', ')}`;
}
