import { scopeQuery } from './places.js';

/** Building blocks of all pages. Text becomes text nodes: nothing here, or anywhere in the console, parses markup. */
const SVG = 'http://www.w3.org/2000/svg';

/** An element with attributes (functions are listeners; null and false are left out) and children. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same, of SVG. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === 'function') node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...present(children));
  return node;
}

function present(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false);
}

/** Replaces what a node holds. */
export function show(node, ...children) {
  node.replaceChildren(...present(children));
}

/** Changes a node's text only if it is another: what stays the same isn't read out again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Says something to screen readers, without moving anybody's focus. */
export function announce(text) {
  setText(document.getElementById('announcer'), text);
}

/** Rows of a term and what it is; rows without a value are left out. */
export function facts(rows) {
  const known = rows.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return h(
    'dl',
    null,
    known.map(([term, value]) => h('div', null, h('dt', null, term), h('dd', null, value))),
  );
}

const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** A time of the API in the reader's own zone. */
export function time(iso) {
  return iso === null ? null : h('time', { datetime: iso }, CLOCK.format(new Date(iso)));
}

/** "about 5 min left" */
export function timeLeft(seconds) {
  if (seconds === null) return '';
  if (seconds < 60) return `about ${seconds} s left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `about ${minutes} min left`;
  return `about ${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

const SIGNS = {
  queued: '○',
  waiting: '○',
  running: '◐',
  pending: '◐',
  available: '◕',
  succeeded: '✓',
  partial: '◑',
  failed: '✕',
  cancelled: '–',
};

/** A state in colour, sign and word. */
export function badge() {
  const sign = h('span', { 'aria-hidden': 'true' });
  const word = h('span');
  const node = h('span', { class: 'badge' }, sign, ' ', word);
  const update = (state, text = state) => {
    node.dataset.state = state;
    setText(sign, SIGNS[state] ?? '•');
    setText(word, text);
  };
  return { node, update };
}

/** Where the console has the page of an image. */
export function imageHref({ imageId, account, region }) {
  const query = scopeQuery({ account, region });
  query.delete('region');
  const search = query.size > 0 ? `?${query}` : '';
  return `#/images/${encodeURIComponent(region)}/${encodeURIComponent(imageId)}${search}`;
}

export function imageLink(image) {
  return h('a', { href: imageHref(image), class: 'id' }, image.imageId);
}
