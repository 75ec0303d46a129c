import type { Bar, Plot } from '../benchmark.ts';
import { figure } from '../figures.ts';

const WIDTH = 760;
const LABELS = 230;
const VALUES = 140;
const ROW = 30;
const TOP = 44;
const BAR = 18;
const SPAN = WIDTH - LABELS - VALUES;

/** Legible on white and on dark pages alike. */
const STYLE = `text{font:13px system-ui,sans-serif;fill:#57606a}.title{font-size:15px;font-weight:600}.ours{fill:#2f81f7}.other{fill:#8c959f}.spread{stroke:#57606a;stroke-width:1.5}@media(prefers-color-scheme:dark){text{fill:#adbac7}.spread{stroke:#adbac7}}`;

/** A plot of horizontal bars. The same plot always gives the same text. */
export function asSvg(plot: Plot): string {
  const scale = scaleOf(plot);
  const height = TOP + plot.bars.length * ROW + 8;
  const rows = plot.bars.map((bar, i) => row(bar, TOP + i * ROW, scale, plot.unit)).join('\n');
  const title = escaped(`${plot.title}${plot.logarithmic === true ? ' (logarithmic)' : ''}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}">
<style>${STYLE}</style>
<text class="title" x="0" y="22">${title}</text>
${rows}
</svg>
`;
}

function row(bar: Bar, top: number, scale: (value: number) => number, unit: string): string {
  const { label, value, low, high, side } = bar;
  const middle = top + ROW / 2;
  const end = LABELS + Math.max(scale(value), scale(high ?? value)) + 8;
  const parts = [
    `<text x="${LABELS - 10}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
    `<rect class="${side}" x="${LABELS}" y="${middle - BAR / 2}" width="${rounded(scale(value))}" height="${BAR}" rx="2"/>`,
    `<text x="${rounded(end)}" y="${middle + 4}">${figure(value)} ${escaped(unit)}</text>`,
  ];
  if (low !== undefined && high !== undefined && high > low)
    parts.splice(
      2,
      0,
      `<line class="spread" x1="${rounded(LABELS + scale(low))}" x2="${rounded(LABELS + scale(high))}" y1="${middle}" y2="${middle}"/>`,
    );
  return parts.join('\n');
}

/** Pixels for a value. A logarithmic scale begins at 1. */
function scaleOf({ bars, logarithmic }: Plot): (value: number) => number {
  const log = (value: number) => Math.log10(Math.max(1, value) * 1.5);
  const of = logarithmic === true ? log : (value: number) => Math.max(0, value);
  const greatest = Math.max(...bars.map(({ value, high }) => of(Math.max(value, high ?? value))));
  return (value) => (greatest > 0 ? (of(value) / greatest) * SPAN : 0);
}

function rounded(pixels: number): string {
  return String(Math.round(pixels * 10) / 10);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
