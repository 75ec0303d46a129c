import type { Finding, Table } from '../benchmark.ts';

/** A finding for a terminal. */
export function asText({ tables, goals }: Finding): string {
  const told = goals.map(
    ({ what, aim, measured, met }) => `  ${met ? '✓' : '✗'} ${what}: ${measured} (aim: ${aim})`,
  );
  return [...tables.map(textTable), told.join('\n')].join('\n\n');
}

function textTable({ title, columns, rows }: Table): string {
  const widths = columns.map((column, i) =>
    Math.max(column.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: string[]) =>
    `  ${cells.map((one, i) => one.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd();
  return [
    `  ${title}`,
    line(columns),
    line(widths.map((width) => '─'.repeat(width))),
    ...rows.map(line),
  ].join('\n');
}
