import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Benchmark, Goal, Table } from '../benchmark.ts';
import type { Result, Results } from './results.ts';
import { asSvg } from './svg.ts';

const INTRODUCTION = `# Performance

What amiferry costs and how fast it is, always held against something: the bare floor, or what one would do without it. Both
sides are measured in the same run, in turn (A B A B), so that what slows the machine down meets both. Read the ratios; the
absolute figures are this machine's.

EC2 is the simulator of this repository, which speaks EC2's own protocol over HTTP. Everything else is real: the
processes, Redis with its append-only file, the SDK. **Blue is amiferry, grey is what it is held against.** Medians, with the
least and the greatest run in brackets. † marks arithmetic.

This page and its plots are written by \`npm run bench\` (all of it: under 20 minutes; Linux). \`npm run bench -- --quick\` shows in
under 3 minutes that everything works, and writes its page under \`.amiferry/bench\`. \`--only accepting,calls\` measures just
those and leaves the other sections as they are.
`;

const QUICK =
  '**Some of this comes from a quick run, as the sections say: it shows that all works, and is not to be quoted.**\n\n';

/** Writes performance.md into a directory, and its plots into performance/ beside it. */
export function writePage(dir: string, benchmarks: readonly Benchmark[], results: Results): void {
  const plots = join(dir, 'performance');
  mkdirSync(plots, { recursive: true });
  const found = benchmarks.flatMap((benchmark) => {
    const result = results[benchmark.name];
    return result === undefined ? [] : [{ benchmark, result }];
  });
  for (const { result } of found)
    for (const plot of result.finding.plots) writeFileSync(join(plots, `${plot.name}.svg`), asSvg(plot));
  const sections = found.map(({ benchmark, result }) => section(benchmark, result));
  const page = [INTRODUCTION, summary(found), ...sections].join('\n');
  writeFileSync(join(dir, 'performance.md'), page);
}

function summary(found: { benchmark: Benchmark; result: Result }[]): string {
  const rows = found.flatMap(({ benchmark, result }) =>
    result.finding.goals.map((goal) => [
      `[${benchmark.title}](#${anchor(benchmark.title)})`,
      ...goalCells(goal),
    ]),
  );
  const quick = found.some(({ result }) => result.mode === 'quick') ? QUICK : '';
  return `## In short\n\n${quick}${markdownTable(['', 'what', 'aim', 'measured', 'reached'], rows)}`;
}

function goalCells({ what, aim, measured, met }: Goal): string[] {
  return [what, aim, measured, met ? 'yes' : '**no**'];
}

function section({ title, question, name }: Benchmark, { finding, ...taken }: Result): string {
  const plots = finding.plots.map((plot) => `![${plot.title}](performance/${plot.name}.svg)\n`);
  const tables = finding.tables.map(
    (table: Table) => `${table.title}:\n\n${markdownTable(table.columns, table.rows)}`,
  );
  const how = finding.method.map((paragraph) => `${paragraph}\n`);
  const quick =
    taken.mode === 'quick'
      ? '**A quick run: it shows that all works, its figures are not to be quoted.** '
      : '';
  const when = `${quick}\`npm run bench -- --only ${name}\`, ${taken.day}, ${taken.seconds} s, ${taken.machine}.\n`;
  return [`## ${title}\n`, `${question}\n`, ...plots, ...tables, ...how, when].join('\n');
}

function markdownTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((one) => one.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('');
}

/** The heading's anchor, as Markdown renderers make it. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');
}
