import { change, get } from './api.js';
import { announce, facts, h } from './dom.js';
import { choice, makePublic, permissionFields, readPermissions } from './forms.js';
import { failureBox, permissionFacts } from './job-view.js';
import { scopeQuery, where } from './places.js';
import { markFields, outcome } from './problems.js';

const makePrivate = (image) =>
  `Make ${image} private? Everybody it is shared with loses access, to its snapshots too.`;

/** What a change takes away, or gives to all the world, as a question; `null` where it does neither. */
function question(mode, set, image) {
  if (mode === 'remove') return `Take access to ${image} away from these, and to its snapshots too?`;
  const publishing = set.public ? makePublic(image) : null;
  if (mode === 'add') return publishing;
  if (namesNobody(set)) return `Nobody is named here. ${makePrivate(image)}`;
  return `${publishing ?? `Share ${image} with exactly these?`} All others lose access, to its snapshots too.`;
}

/** Who may launch an image, whether it could be shared, and if not why; and the form to change it. */
export async function permissionsView(path, again, signal) {
  const view = await get(path, signal);
  const { encryption, blockPublicAccess } = view;
  const blocked = { true: 'on', false: 'off', null: 'not known: it may not be read' }[blockPublicAccess];
  return h(
    'div',
    null,
    facts([
      ['Visibility', view.visibility],
      ['Encryption', encryption.encrypted ? `under ${encryption.kmsKeyIds.join(', ')}` : 'none'],
      ['Block public access', blocked],
    ]),
    permissionFacts(view),
    shareability(view),
    shareForm(path, view, again),
  );
}

/** @param {import('../src/http/schemas/permissions.ts').Permissions} permissions */
function shareability({ imageId, account, region, shareable }) {
  const answer = (can) => (can ? '✓ yes' : '✕ no');
  const encrypt = `#/copy?${scopeQuery({ account, region })}&${new URLSearchParams({ imageId, encrypted: '1' })}`;
  const managed = shareable.reasons.some(({ code }) => code === 'aws-managed-key');
  return h(
    'div',
    null,
    h('h3', null, 'Can it be shared?'),
    facts([
      ['With accounts, organizations and units', answer(shareable.accounts)],
      ['Publicly', answer(shareable.public)],
    ]),
    shareable.reasons.length > 0 &&
      h(
        'ul',
        { class: 'reasons', 'aria-label': 'Why not' },
        shareable.reasons.map(({ code, message }) => h('li', null, message, ' ', h('code', null, code))),
      ),
    managed && h('a', { class: 'button', href: encrypt }, 'Copy it under a customer key'),
  );
}

const MODES = [
  ['add', 'Add these, and leave everybody else alone'],
  ['remove', 'Remove these, and leave everybody else alone'],
  ['set', 'Exactly these: all others lose access'],
];

const namesNobody = (set) => !set.public && !set.accounts && !set.organizations && !set.organizationalUnits;

function shareForm(path, { imageId, account, region, visibility }, again) {
  const image = `${imageId} in ${where({ account, region })}`;
  const result = outcome();
  const send = async (method, body) => {
    const job = await result.of(() => changed(form, method, path, body));
    if (job?.state === 'succeeded') await again();
    else if (job !== undefined) result.node.append(...unfinished(job));
  };
  const form = h(
    'form',
    null,
    h('h3', null, 'Share'),
    h(
      'fieldset',
      null,
      h('legend', null, 'Change'),
      MODES.map(([value, label]) => choice('radio', 'mode', label, { value, checked: value === 'add' })),
    ),
    permissionFields(''),
    result.node,
    h(
      'div',
      { class: 'row' },
      h('button', { class: 'primary' }, 'Change permissions'),
      visibility !== 'private' &&
        h(
          'button',
          { type: 'button', click: () => confirm(makePrivate(image)) && send('DELETE') },
          'Make private',
        ),
    ),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const mode = String(new FormData(form).get('mode'));
    const set = readPermissions(form);
    const asked = question(mode, set, image);
    if (asked !== null && !confirm(asked)) return;
    void (mode === 'set' ? send('PUT', set) : send('PATCH', { [mode]: set }));
  });
  return form;
}

/** Most changes take a second: the answer is held back until the job has ended. */
async function changed(form, method, path, body) {
  try {
    const job = await change(method, path, body, { Prefer: 'wait=10' });
    announce(`Permissions: ${job.state}`);
    return job;
  } catch (error) {
    if (error.body !== undefined) markFields(form, error);
    throw error;
  }
}

function unfinished(job) {
  const link = h(
    'p',
    null,
    `The change is ${job.state}: `,
    h('a', { href: `#/jobs/${job.id}` }, 'see the job'),
  );
  return job.error ? [failureBox(job.error), link] : [link];
}
