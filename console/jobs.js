import { follow, get } from './api.js';
import { badge, h, imageLink, show, time } from './dom.js';
import { field, IMAGE_ID, select, textInput } from './forms.js';
import { afterEvent, destinationsView, failureBox, needsReading } from './job-view.js';
import { liveSign, soon } from './live.js';
import { where } from './places.js';
import { outcome } from './problems.js';

const FILTERS = ['state', 'kind', 'imageId'];
const STATES = ['queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled'];

/** All jobs, newest first, with their progress. */
export async function jobsPage({ query, signal, run }) {
  const live = liveSign(signal);
  const list = jobList(query, signal);
  await list.refresh();
  const refreshSoon = soon(() => run(list.refresh), signal);
  void run(() =>
    follow('/events', {
      signal,
      opened: () => {
        live.opened();
        refreshSoon();
      },
      closed: live.closed,
      event: (event) => list.hear(event) || refreshSoon(),
    }),
  );
  return { title: 'Jobs', content: [filterForm(query), live.node, ...list.nodes] };
}

function filterForm(query) {
  const options = (values) => [['', 'all'], ...values.map((value) => [value, value])];
  const apply = (event) => {
    event.preventDefault();
    const chosen = [...new FormData(form)]
      .map(([name, value]) => [name, String(value).trim()])
      .filter(([, value]) => value);
    location.hash = `/jobs?${new URLSearchParams(chosen)}`;
  };
  const form = h(
    'form',
    { class: 'filters', role: 'search', 'aria-label': 'Filter jobs', submit: apply },
    field('State', select('state', options(STATES), query.get('state'))),
    field('Kind', select('kind', options(['copy', 'permissions']), query.get('kind'))),
    field('Image id', textInput('imageId', { value: query.get('imageId'), ...IMAGE_ID })),
    h('button', null, 'Filter'),
  );
  return form;
}

function jobList(query, signal) {
  const filters = FILTERS.flatMap((name) => (query.get(name) ? [[name, query.get(name)]] : []));
  const read = (more) => get(`/jobs?${new URLSearchParams([...filters, ...more])}`, signal);
  const cards = new Map();
  const list = h('ol', { class: 'jobs' });
  const empty = h(
    'p',
    null,
    filters.length > 0 ? 'No job is like that.' : 'No jobs yet. ',
    h('a', { href: '#/copy' }, 'Copy an image'),
  );
  const result = outcome();
  const older = h(
    'button',
    { type: 'button', hidden: true, click: () => result.of(readOlder) },
    'Older jobs',
  );
  let cursor = null;

  const put = (job, place) => {
    const known = cards.get(job.id);
    if (known !== undefined) return known.update(job);
    const card = jobCard(job, signal);
    cards.set(job.id, card);
    list[place](card.node);
  };
  const goOn = (nextCursor) => {
    cursor = nextCursor;
    older.hidden = cursor === null;
  };
  const refresh = async () => {
    const { jobs, nextCursor } = await read([]);
    if (!jobs.some(({ id }) => cards.has(id))) {
      cards.clear();
      show(list);
      goOn(nextCursor);
    }
    for (const job of jobs.toReversed()) put(job, 'prepend');
    empty.hidden = cards.size > 0;
  };
  const readOlder = async () => {
    const { jobs, nextCursor } = await read([['cursor', cursor]]);
    for (const job of jobs) put(job, 'append');
    goOn(nextCursor);
  };
  /** Whether an event needs no look at the whole list. */
  const hear = (event) => {
    const card = cards.get(event.jobId);
    card?.hear(event);
    return card !== undefined || event.type.startsWith('destination.');
  };
  return { nodes: [empty, list, result.node, older], refresh, hear };
}

/**
 * One job in the list.
 * @param {import('../src/http/schemas/job.ts').Job} job
 * @param {AbortSignal} signal
 */
function jobCard(job, signal) {
  const state = badge();
  const destinations = destinationsView();
  const failure = h('div');
  const title = `${job.kind === 'copy' ? 'Copy' : 'Permissions of'} ${job.image.name || job.image.id}`;
  const node = h(
    'li',
    { class: 'card' },
    h('div', { class: 'row' }, h('h2', null, h('a', { href: `#/jobs/${job.id}` }, title)), state.node),
    h(
      'p',
      { class: 'about' },
      imageLink({ ...job.image, imageId: job.image.id }),
      ` in ${where(job.image)} · `,
      time(job.createdAt),
      ` · by ${job.requestedBy}`,
    ),
    destinations.node,
    failure,
  );
  let current = job;
  const update = (next) => {
    current = next;
    state.update(next.state);
    destinations.update(next.destinations ?? []);
    if ((failure.firstChild === null) !== !next.error) show(failure, next.error && failureBox(next.error));
  };
  const readAgain = soon(() => get(`/jobs/${job.id}`, signal).then(update, ignore), signal);
  const hear = (event) => {
    update(afterEvent(current, event));
    if (needsReading(event)) readAgain();
  };
  destinations.node.hidden = job.destinations === undefined;
  update(job);
  return { node, update, hear };
}

/** The next event, or the next connection, brings what was missed. */
function ignore(error) {
  if (error.body === undefined && error.name !== 'AbortError') throw error;
}
