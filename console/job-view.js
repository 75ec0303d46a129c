import { announce, badge, facts, h, imageLink, setText, show, timeLeft } from './dom.js';
import { where } from './places.js';

/**
 * Why something failed, with the remedy, in the API's and EC2's own words.
 * @param {import('../src/http/schemas/job.ts').Failure} failure
 */
export function failureBox({ code, message, awsCode, awsRequestId, retryable }) {
  const trace = [code, awsCode, awsRequestId && `EC2 request ${awsRequestId}`].filter(Boolean).join(' · ');
  const hint = retryable ? 'The same may succeed later: Retry.' : 'It has to be fixed before Retry can help.';
  return h(
    'div',
    { class: 'problem' },
    h('p', null, message),
    h('p', null, hint),
    h('p', { class: 'trace' }, trace),
  );
}

/** States that don't say by themselves what is waited for. */
const IN_WORDS = { waiting: 'waiting for its turn in the region', available: 'available, being finished' };

/** One account and region that is copied to: state, bar, time left, and what went wrong. */
function destinationView({ account, region }) {
  const place = where({ account, region });
  const state = badge();
  const bar = h('progress', { max: 100, value: 0, 'aria-label': `Progress in ${place}` });
  const percent = h('span', { class: 'percent' });
  const eta = h('span', { class: 'eta' });
  const image = h('span');
  const failure = h('div');
  const head = h('div', { class: 'row' }, h('strong', null, place), state.node, image);
  const node = h(
    'li',
    { class: 'destination' },
    head,
    h('div', { class: 'row' }, bar, percent, eta),
    failure,
  );
  let shown = {};
  const update = (one) => {
    const { progress, imageId, error } = one;
    state.update(
      one.state,
      one.stopping ? `${one.state}, being removed` : (IN_WORDS[one.state] ?? one.state),
    );
    if (bar.value !== progress) bar.value = progress;
    bar.dataset.state = one.state;
    setText(percent, `${progress} %`);
    setText(eta, one.finishedAt === null ? timeLeft(one.etaSeconds) : '');
    if (imageId !== shown.imageId) show(image, imageId && imageLink({ imageId, account, region }));
    if (error?.message !== shown.message) show(failure, error && failureBox(error));
    tell(place, shown, one);
    shown = { imageId, message: error?.message, state: one.state, quarter: Math.floor(progress / 25) };
  };
  return { node, update };
}

/** Each change of state and each quarter, not each percent: nobody wants to hear all of them. */
function tell(place, before, { state, progress, error }) {
  if (before.state === undefined) return;
  if (before.state === state && before.quarter === Math.floor(progress / 25)) return;
  announce(`${place}: ${state}, ${progress} %${error ? `. ${error.message}` : ''}`);
}

/** Names a destination within its job. */
const keyOf = ({ account, region }) => `${account}/${region}`;

/** All destinations of a copy; `update` changes what is there in place, so that bars move and focus stays. */
export function destinationsView() {
  const node = h('ul', { class: 'destinations' });
  const views = new Map();
  const update = (destinations) => {
    for (const one of destinations) {
      const key = keyOf(one);
      if (!views.has(key)) {
        views.set(key, destinationView(one));
        node.append(views.get(key).node);
      }
      views.get(key).update(one);
    }
  };
  return { node, update };
}

/**
 * The job as it is after an event; what the event is older than stays.
 * @param {import('../src/http/schemas/job.ts').Job} job
 * @param {import('../src/http/schemas/event.ts').JobEvent} event
 */
export function afterEvent(job, event) {
  if (event.at < job.updatedAt) return job;
  const { state, progress, destination } = event;
  const changed = (one) =>
    destination && keyOf(one) === keyOf(destination) ? { ...one, ...destination } : one;
  return { ...job, state, progress, updatedAt: event.at, destinations: job.destinations?.map(changed) };
}

/**
 * Whether an event tells less than the job has to show: a reason, or times. Then the job is to be read again.
 * @param {import('../src/http/schemas/event.ts').JobEvent} event
 */
export function needsReading({ type, destination }) {
  return /^job\.|\.(succeeded|failed|cancelled|stopping)$/.test(type) || Boolean(destination?.errorCode);
}

/** Who may launch and copy it, in words. */
export function permissionFacts(set) {
  const list = (items) => (items?.length ? items.join(', ') : null);
  return facts([
    ['Public', set.public === undefined ? null : set.public ? 'yes: everybody may launch it' : 'no'],
    ['Accounts', list(set.accounts)],
    ['Organizations', list(set.organizations)],
    ['Organizational units', list(set.organizationalUnits)],
    ['Accounts that may copy it', list(set.snapshotAccounts)],
    ['Snapshots too', set.includeSnapshots ? 'yes' : null],
    ['Customer key too', set.grantKeyAccess ? 'yes' : null],
  ]);
}

/** What was asked for: a set, or what to add and what to remove. */
export function requestedFacts(asked) {
  if (asked === null) return null;
  if (!('add' in asked || 'remove' in asked)) return permissionFacts(asked);
  const part = (title, set) => set && [h('h3', null, title), permissionFacts(set)];
  return h('div', null, part('Add', asked.add), part('Remove', asked.remove));
}
