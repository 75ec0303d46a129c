import { change } from './api.js';
import { badge, h, show, time } from './dom.js';
import { outcome } from './problems.js';

/** Webhooks are no events of the job: the page looks again when a try is due, and so often at most and at least. */
const LOOK_MS = 2000;
const LAST_LOOK_MS = 60_000;

const COLOUR = { delivered: 'succeeded' };

/** A job's messages to webhooks: what was told to whom, how that went, and a button to send each again. */
export function deliveriesView(path, look, signal) {
  const list = h('ul', { class: 'deliveries' });
  const result = outcome();
  const node = h('section', { class: 'card', hidden: true }, h('h2', null, 'Webhooks'), result.node, list);
  let shown = '';
  let timer = null;
  const resend = (n) => async () => {
    await result.of(() => change('POST', `${path}/deliveries/${n}/redeliver`));
    look();
  };
  const update = (deliveries) => {
    clearTimeout(timer);
    const due = deliveries
      .filter(({ state }) => state === 'pending')
      .map((one) => Date.parse(one.nextAttemptAt));
    const wait = Math.min(Math.max(Math.min(...due) - Date.now(), LOOK_MS), LAST_LOOK_MS);
    if (due.length > 0 && !signal.aborted) timer = setTimeout(() => look(), wait);
    if (shown === JSON.stringify(deliveries)) return;
    shown = JSON.stringify(deliveries);
    node.hidden = deliveries.length === 0;
    const focused = list.querySelector(':focus')?.dataset.n;
    show(list, ...deliveries.map((one) => row(one, resend(one.n))));
    list.querySelector(`[data-n="${focused}"]`)?.focus();
  };
  return { node, update };
}

/**
 * @param {import('../src/http/schemas/job.ts').Delivery} delivery
 * @param {(n: number) => unknown} resend
 */
function row({ n, event, host, state, attempts, nextAttemptAt }, resend) {
  const mark = badge();
  mark.update(COLOUR[state] ?? state, state);
  const last = attempts.at(-1);
  const tries = last && `${attempts.length} ${attempts.length === 1 ? 'try' : 'tries'}, the last`;
  return h(
    'li',
    null,
    h('strong', null, event),
    ' to ',
    h('span', { class: 'id' }, host),
    ' ',
    mark.node,
    ' ',
    h(
      'button',
      { type: 'button', 'data-n': n, 'aria-label': `Send again: ${event} to ${host}`, click: resend },
      'Send again',
    ),
    last &&
      h('p', { class: 'hint' }, tries, ' ', time(last.at), `: ${last.error ?? `answered ${last.status}`}`),
    nextAttemptAt && attempts.length > 0 && h('p', { class: 'hint' }, 'Next try: ', time(nextAttemptAt)),
  );
}
