import { h, imageHref, svg } from './dom.js';
import { isShown, nameOf, several, shortName, where } from './places.js';

/** Where there are several accounts, a box has a line more. */
const BOX = {
  width: 232,
  get height() {
    return several() ? 82 : 64;
  },
};
const GAP = { x: 56, y: 12 };
const LABEL = 24;
const INDENT = 28;
/** Below this the graph goes downwards, in place of from left to right. */
const NARROW = matchMedia('(max-width: 46rem)');

/** What an image is a copy of, and its copies by region, as a graph of links. */
export function lineageView(image, lineage, signal) {
  const frame = h('div', { class: 'graph', role: 'region', tabindex: 0, 'aria-label': 'Lineage graph' });
  const draw = () => frame.replaceChildren(graph(image, lineage));
  NARROW.addEventListener('change', draw, { signal });
  draw();
  const { ancestors, copies, unanswered } = lineage;
  return h(
    'div',
    null,
    h('p', null, `${descent(ancestors.length)} ${offspring(copies.length)}`),
    frame,
    unanswered.length > 0 && missing(unanswered),
  );
}

function descent(steps) {
  if (steps === 0) return 'Not a copy.';
  return steps === 1 ? 'A copy.' : `A copy of a copy, ${steps} steps from the original.`;
}

function offspring(copies) {
  if (copies === 0) return 'Nothing was copied from it.';
  return copies === 1 ? '1 direct copy.' : `${copies} direct copies.`;
}

function missing(unanswered) {
  const regions = unanswered.length === 1 ? '1 region' : `${unanswered.length} regions`;
  return h(
    'details',
    { class: 'warning' },
    h('summary', null, `${regions} gave no answer: copies there are missing`),
    h(
      'ul',
      null,
      byReason(unanswered).map(({ place, message }) =>
        h('li', null, h('strong', null, place), `: ${message}`),
      ),
    ),
  );
}

/** An account that can't be reached has one reason for all of its regions. */
function byReason(unanswered) {
  const groups = Object.groupBy(unanswered, ({ account, message }) => `${account} ${message}`);
  return Object.values(groups).map((group) => {
    const [{ account, message }] = group;
    return { place: where({ account, region: group.map(({ region }) => region).join(', ') }), message };
  });
}

function graph(image, { ancestors, copies }) {
  const line = [...ancestors.toReversed(), { ...image, self: true }];
  const groups = Object.entries(Object.groupBy(copies, where)).sort(([a], [b]) => a.localeCompare(b));
  const { spots, labels, edges, width, height } = NARROW.matches
    ? downwards(line, groups)
    : rightwards(line, groups);
  return svg(
    'svg',
    {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: 'group',
      'aria-label': 'From what it was copied, on the left or top, to its copies',
    },
    svg(
      'defs',
      null,
      svg(
        'marker',
        {
          id: 'arrow',
          viewBox: '0 0 8 8',
          refX: 7,
          refY: 4,
          markerWidth: 8,
          markerHeight: 8,
          orient: 'auto',
        },
        svg('path', { d: 'M0 0 8 4 0 8z' }),
      ),
    ),
    edges.map((d) => svg('path', { class: 'edge', d, 'marker-end': 'url(#arrow)' })),
    labels.map(({ x, y, text }) => svg('text', { class: 'group', x, y }, text)),
    spots.map(box),
  );
}

/** Ancestors, image and copies from left to right. */
function rightwards(line, groups) {
  const step = BOX.width + GAP.x;
  const right = column(groups, line.length * step, 0);
  const height = Math.max(right.height, BOX.height);
  const y = (height - BOX.height) / 2;
  const middle = y + BOX.height / 2;
  const spots = line.map((one, i) => ({ one, x: i * step, y }));
  const curve = (x, to) =>
    `M${x} ${middle}C${x + GAP.x / 2} ${middle} ${x + GAP.x / 2} ${to} ${x + GAP.x - 2} ${to}`;
  const inLine = spots.slice(1).map(({ x }) => curve(x - GAP.x, middle));
  const toCopies = right.spots.map((spot) => curve(spot.x - GAP.x, spot.y + BOX.height / 2));
  return {
    spots: [...spots, ...right.spots],
    labels: right.labels,
    edges: [...inLine, ...toCopies],
    height: height + 4,
    width: (line.length + (groups.length > 0 ? 1 : 0)) * step - GAP.x + 4,
  };
}

/** Ancestors and image one below the other, copies indented below: as wide as a phone. */
function downwards(line, groups) {
  const step = BOX.height + 28;
  const spots = line.map((one, i) => ({ one, x: 0, y: i * step }));
  const bottom = line.length * step - 28;
  const below = column(groups, INDENT, bottom + GAP.y);
  const inLine = spots.slice(1).map(({ y }) => `M${BOX.width / 2} ${y - 28}V${y - 2}`);
  const toCopies = below.spots.map(({ y }) => `M${INDENT / 2} ${bottom}V${y + BOX.height / 2}H${INDENT - 2}`);
  return {
    spots: [...spots, ...below.spots],
    labels: below.labels,
    edges: [...inLine, ...toCopies],
    height: bottom + GAP.y + below.height + 4,
    width: BOX.width + INDENT + 4,
  };
}

/** The copies below each other, those of each region and account under their names. */
function column(groups, x, top) {
  let y = top;
  const labels = [];
  const spots = [];
  for (const [, copies] of groups) {
    labels.push({ x, y: y + LABEL - 8, text: labelOf(copies[0]) });
    y += LABEL;
    for (const one of copies) {
      spots.push({ one, x, y });
      y += BOX.height + GAP.y;
    }
  }
  return { labels, spots, height: Math.max(y - top - GAP.y, 0) };
}

function labelOf({ account, region }) {
  return isShown(account) ? shortened(`${region} · ${shortName(account)}`, 32) : region;
}

function box({ one, x, y }) {
  const name = one.name ?? 'gone, or not visible';
  const state = one.state === null ? one.region : `${one.region} · ${one.state}`;
  const lines = [
    ['name', shortened(name)],
    ['id', one.imageId],
    ['about', state],
    ...(several() ? [['about', shortened(nameOf(one.account), 32)]] : []),
  ];
  const current = one.self ? { 'aria-current': 'true' } : {};
  return svg(
    'a',
    { href: imageHref(one), class: 'node', 'data-state': one.state, ...current },
    svg(
      'title',
      null,
      `${name}, ${one.imageId}, ${isShown(one.account) ? `${nameOf(one.account)}, ` : ''}${state}`,
    ),
    svg('rect', { x: x + 1, y: y + 1, width: BOX.width, height: BOX.height, rx: 8 }),
    lines.map(([kind, text], i) => svg('text', { class: kind, x: x + 12, y: y + 20 + i * 18 }, text)),
  );
}

function shortened(text, most = 26) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
