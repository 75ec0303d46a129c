import { h } from './dom.js';
import { accounts, nameOf, several } from './places.js';

let fields = 0;

/** A control with its label, and what to know about it. */
export function field(label, control, hint) {
  fields += 1;
  const id = `field-${fields}`;
  control.id = id;
  if (hint) control.setAttribute('aria-describedby', `${id}-hint`);
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    control,
    hint && h('p', { class: 'hint', id: `${id}-hint` }, hint),
  );
}

export function textInput(name, attributes) {
  return h('input', { name, type: 'text', autocomplete: 'off', spellcheck: 'false', ...attributes });
}

export function choice(type, name, label, attributes) {
  return h('label', { class: 'choice' }, h('input', { type, name, ...attributes }), ' ', label);
}

export function select(name, options, chosen) {
  return h(
    'select',
    { name },
    options.map(([value, label]) => h('option', { value, selected: value === chosen }, label)),
  );
}

/** The regions that the service knows, and its own. */
export const regions = () => {
  /** @type {NodeListOf<HTMLOptionElement>} */
  const options = document.querySelectorAll('#regions option');
  return Array.from(options, ({ value }) => value);
};
export const defaultRegion = () => document.body.dataset.region;

export const IMAGE_ID = { pattern: 'ami-([0-9a-f]{8}|[0-9a-f]{17})', placeholder: 'ami-…' };

/** A choice of an account where there are several, the service's own by default. Without a choice, one that is given stays. */
export function accountField(label, name, chosen) {
  if (!several()) return chosen ? h('input', { type: 'hidden', name, value: chosen }) : null;
  const options = accounts().map(({ account }) => [account, nameOf(account)]);
  return field(label, select(name, options, chosen));
}

/** Which image: its id, its region and its account. */
export function imageFields(imageId, region, account) {
  const id = {
    required: true,
    value: imageId,
    ...IMAGE_ID,
    'data-pointer': '/imageId',
  };
  return h(
    'div',
    { class: 'columns' },
    field('Image id', textInput('imageId', id)),
    field(
      'Region',
      textInput('region', {
        required: true,
        value: region || defaultRegion(),
        list: 'regions',
        'data-pointer': '/region',
      }),
    ),
    accountField('Account', 'account', account),
  );
}

const SHAREES = [
  ['accounts', 'Accounts', '12 digits each, separated by spaces.'],
  ['organizations', 'Organizations', 'Full ARNs, separated by spaces.'],
  ['organizationalUnits', 'Organizational units', 'Full ARNs, separated by spaces.'],
];

/** Who may launch an image. `pointer` is where the set stands in the body of the request. */
export function permissionFields(pointer) {
  return h(
    'div',
    null,
    SHAREES.map(([name, label, hint]) =>
      field(label, textInput(name, { 'data-pointer': `${pointer}/${name}` }), hint),
    ),
    choice('checkbox', 'public', 'Public: everybody in the world may launch it'),
    choice('checkbox', 'includeSnapshots', 'The accounts may also copy it (includeSnapshots)'),
    choice(
      'checkbox',
      'grantKeyAccess',
      'The accounts also get a grant for its customer key (grantKeyAccess)',
    ),
  );
}

/** The question before anything is made public. */
export const makePublic = (image) =>
  `Let everybody in the world launch ${image}? It can not be taken back from those who copy it.`;

/** What the permission fields say, with nothing in it that was left empty. */
export function readPermissions(form) {
  const set = {};
  for (const [name] of SHAREES) {
    const items = form.elements[name].value.split(/[\s,]+/).filter(Boolean);
    if (items.length > 0) set[name] = items;
  }
  for (const name of ['public', 'includeSnapshots', 'grantKeyAccess'])
    if (form.elements[name].checked) set[name] = true;
  return set;
}
