import { change, follow, get } from './api.js';
import { deliveriesView } from './deliveries.js';
import { badge, facts, h, imageLink, show, time } from './dom.js';
import {
  afterEvent,
  destinationsView,
  failureBox,
  needsReading,
  permissionFacts,
  requestedFacts,
} from './job-view.js';
import { liveSign, soon } from './live.js';
import { where } from './places.js';
import { outcome } from './problems.js';

const FINAL = new Set(['succeeded', 'partial', 'failed', 'cancelled']);

/** One job: how far it is, what happened so far, and what can be done about it. */
export async function jobPage({ args: [id], signal, run, reload }) {
  const path = `/jobs/${encodeURIComponent(id)}`;
  const view = jobView(path, reload);
  const read = async () => {
    const job = await get(path, signal);
    view.update(job);
    deliveries.update(job.deliveries);
  };
  const readSoon = soon(() => run(read), signal);
  const deliveries = deliveriesView(path, readSoon, signal);
  await read();
  const live = liveSign(signal);
  const timeline = timelineView();
  const event = (jobEvent) => {
    if (jobEvent.type === 'resync') return readSoon();
    timeline.add(jobEvent);
    const news = jobEvent.at >= view.job().updatedAt;
    view.update(afterEvent(view.job(), jobEvent));
    if (news && needsReading(jobEvent)) readSoon();
  };
  // The API ends the stream with the job: that is no lost connection.
  const closed = (goesOn) => live.closed(goesOn && !FINAL.has(view.job().state));
  void run(() => follow(`${path}/events`, { signal, opened: live.opened, closed, event }));
  const { kind, image } = view.job();
  const title = `${kind === 'copy' ? 'Copy' : 'Permissions of'} ${image.name || image.id}`;
  return { title, content: [live.node, view.node, deliveries.node, timeline.node] };
}

function jobView(path, reload) {
  const state = badge();
  const about = h('div');
  const destinations = destinationsView();
  const details = h('div');
  const result = outcome();
  const act = (verb) => async () => {
    if (await result.of(() => change('POST', `${path}/${verb}`))) await reload();
  };
  const cancel = h(
    'button',
    {
      type: 'button',
      click: () => confirm(cancelling(job)) && act('cancel')(),
    },
    'Cancel',
  );
  const retry = h('button', { type: 'button', click: act('retry') }, 'Retry what failed');
  const node = h(
    'section',
    { class: 'card', 'aria-label': 'Progress' },
    h('div', { class: 'row' }, state.node, cancel, retry),
    result.node,
    about,
    destinations.node,
    details,
  );
  let job;
  const update = (next) => {
    const whole =
      next.state !== job?.state || next.finishedAt !== job.finishedAt || next.warnings !== job.warnings;
    job = next;
    state.update(job.state);
    destinations.update(job.destinations ?? []);
    destinations.node.hidden = job.destinations === undefined;
    cancel.hidden = job.finishedAt !== null;
    retry.hidden = !canRetry(job);
    if (!whole) return;
    show(about, aboutJob(job));
    show(details, detailsOf(job));
  };
  return { node, update, job: () => job };
}

/** @param {import('../src/http/schemas/job.ts').Job} job */
function cancelling({ kind, image }) {
  const name = `${image.id} in ${where(image)}`;
  return kind === 'copy'
    ? `Cancel the copy of ${name}? What EC2 has made of it so far is removed; regions that have succeeded are kept.`
    : `Cancel the change of permissions of ${name}? What it has given so far is taken back.`;
}

/** @param {import('../src/http/schemas/job.ts').Job} job */
function canRetry({ state, finishedAt, destinations }) {
  if (finishedAt === null) return false;
  if (destinations === undefined) return state === 'failed';
  return destinations.some((one) => one.state === 'failed' || one.error?.code === 'rolled-back');
}

/** @param {import('../src/http/schemas/job.ts').Job} job */
function aboutJob(job) {
  const { image } = job;
  return facts([
    ['Image', h('span', null, imageLink({ ...image, imageId: image.id }), ` in ${where(image)}`)],
    ['Requested by', job.requestedBy],
    ['Accepted', time(job.createdAt)],
    ['Ended', time(job.finishedAt)],
    ['Job', h('span', { class: 'id' }, job.id)],
  ]);
}

/** @param {import('../src/http/schemas/job.ts').Job} job */
function detailsOf(job) {
  const section = (title, ...content) => h('section', null, h('h2', null, title), ...content);
  const copies = (job.destinations ?? []).filter(({ encrypted }) => encrypted !== null);
  return h(
    'div',
    null,
    job.error && failureBox(job.error),
    job.warnings.map((warning) =>
      h(
        'div',
        { class: 'warning' },
        h('strong', null, `${where(warning)}: `),
        warning.message,
        warning.statements && h('pre', { tabindex: 0 }, JSON.stringify(warning.statements, null, 2)),
      ),
    ),
    copies.length > 0 &&
      section(
        'Encryption',
        facts(
          copies.map((one) => [
            where(one),
            one.encrypted ? `encrypted under ${one.kmsKeyId}` : 'not encrypted',
          ]),
        ),
      ),
    job.permissions && section('Permissions asked for', requestedFacts(job.permissions)),
    job.before && section('Permissions before', permissionFacts(job.before)),
    job.after && section('Permissions after', permissionFacts(job.after)),
  );
}

/** What happened, oldest first. Progress is left to the bars. */
function timelineView() {
  const list = h('ol', { class: 'timeline' });
  const none = h('p', null, 'Nothing has happened yet.');
  const add = ({ type, at, state, destination }) => {
    if (type === 'destination.progress') return;
    const mark = badge();
    mark.update(destination?.state ?? state, type.split('.')[1]);
    const extra = [destination?.imageId, destination?.errorCode].filter(Boolean).join(' · ');
    list.append(
      h(
        'li',
        null,
        time(at),
        h(
          'span',
          null,
          h('strong', null, destination ? where(destination) : 'Job'),
          ' ',
          mark.node,
          ' ',
          h('span', { class: 'id' }, extra),
        ),
      ),
    );
    none.hidden = true;
  };
  const node = h('section', { class: 'card' }, h('h2', null, 'Timeline'), none, list);
  return { node, add };
}
