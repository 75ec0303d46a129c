import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { figure } from '../figures.ts';
import type { Results } from './results.ts';

/** Where a measured input of docs/scale.md is found: benchmark, number of its table, row by its first cell, column. */
type Place = readonly [benchmark: string, table: number, row: string, column: number];

export const MEASURED: Record<string, Place> = {
  apiMs: ['lifetime', 0, 'CPU of the API, ms', 1],
  workerMs: ['lifetime', 0, 'CPU of the worker, ms', 1],
  redisMs: ['lifetime', 0, 'CPU of Redis, ms', 1],
  commands: ['lifetime', 0, 'commands to Redis', 1],
  jobKB: ['lifetime', 0, 'left in Redis, KB', 1],
  lookWorkerMs: ['lifetime', 1, 'worker', 1],
  lookRedisMs: ['lifetime', 1, 'Redis', 1],
};

/** `| name | value |`: an input. */
const INPUT = /^\| `(\w+)` \| ([\d.,]+) \|/;
/** `| name | formula | value |`: what is computed from what stands above. */
const COMPUTED = /^\| `(\w+)` \| `([^`]+)` \| [^|]* \|/;
/** A figure in the text, with the name of what it is. */
const NAMED = /\*\*[^*]+\*\*<!-- (\w+) -->/g;

/** Brings scale.md of a directory up to date, where it has one. */
export function recalculate(dir: string, results: Results): void {
  const file = join(dir, 'scale.md');
  if (existsSync(file)) writeFileSync(file, recalculated(readFileSync(file, 'utf8'), results));
}

/** The page with its measured inputs taken from the results, and all that follows from its inputs computed anew. */
export function recalculated(page: string, results: Results): string {
  const scope: Record<string, unknown> = { min: Math.min, max: Math.max, ceil: Math.ceil };
  const lines = page.split('\n').map((line) => {
    const [, input = '', given = ''] = INPUT.exec(line) ?? [];
    if (input !== '') {
      const value = input in MEASURED ? measured(results, MEASURED[input]) : given;
      scope[input] = Number(value.replaceAll(',', ''));
      return line.replace(INPUT, `| \`${input}\` | ${value} |`);
    }
    const [, name = '', formula = ''] = COMPUTED.exec(line) ?? [];
    if (name === '') return line;
    scope[name] = Number(runInNewContext(formula, scope));
    return line.replace(COMPUTED, `| \`${name}\` | \`${formula}\` | ${rounded(scope[name])} |`);
  });
  return lines.join('\n').replace(NAMED, (_all, name: string) => {
    if (!(name in scope)) throw new Error(`docs/scale.md has no "${name}"`);
    return `**${rounded(scope[name])}**<!-- ${name} -->`;
  });
}

/** More digits than the inputs have would say nothing. */
const rounded = (value: unknown) => figure(Number(Number(value).toPrecision(3)));

function measured(results: Results, place: Place | undefined): string {
  const [benchmark = '', table = 0, label = '', column = 0] = place ?? [];
  const row = results[benchmark]?.finding.tables[table]?.rows.find(([first]) => first === label);
  const [value] = /^[\d.,]+/.exec(row?.[column] ?? '') ?? [];
  if (value === undefined) throw new Error(`there is no result of ${benchmark}: ${label}`);
  return value;
}
