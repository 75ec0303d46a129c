import { change } from './api.js';
import { h } from './dom.js';
import {
  accountField,
  choice,
  field,
  imageFields,
  makePublic,
  permissionFields,
  readPermissions,
  regions,
  select,
  textInput,
} from './forms.js';
import { accounts, scopeQuery } from './places.js';
import { markFields, outcome } from './problems.js';

const ON_FAILURE = [
  ['keep', 'Keep the other copies'],
  ['deregister', "Remove this request's other copies"],
];

/** The form for POST /amis/{imageId}/copies. */
export async function copyPage({ query }) {
  const result = outcome();
  const form = h(
    'form',
    { class: 'card' },
    imageFields(query.get('imageId'), query.get('region'), query.get('account')),
    destinationFields(),
    field(
      'Name',
      textInput('name', { maxlength: 128, 'data-pointer': '/name' }),
      "Of the new images. Left empty: the source's.",
    ),
    field('Description', textInput('description', { maxlength: 255, 'data-pointer': '/description' })),
    field(
      'Tags',
      h('textarea', { name: 'tags', rows: 3, spellcheck: 'false', 'data-pointer': '/tags' }),
      'One a line: key=value.',
    ),
    choice('checkbox', 'copyTags', "Copy the source's own tags too", { checked: true }),
    h(
      'fieldset',
      null,
      h('legend', null, 'Encryption'),
      choice('checkbox', 'encrypted', 'Encrypt the copies', { checked: query.has('encrypted') }),
      field(
        'KMS key',
        textInput('kmsKeyId', { placeholder: 'alias/…', 'data-pointer': '/kmsKeyId' }),
        'Key id, alias/… or ARN, of each destination region. Only copies under a customer key can be shared.',
      ),
    ),
    h(
      'details',
      null,
      h('summary', null, 'Share the copies as soon as they are available'),
      permissionFields('/permissions'),
    ),
    field('If a region fails', select('onFailure', ON_FAILURE)),
    result.node,
    h('button', { class: 'primary' }, 'Start copy'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const { imageId } = form.elements;
    if (readPermissions(form).public && !confirm(makePublic(`the copies of ${imageId.value}`))) return;
    void result.of(() => submit(form));
  });
  return { title: 'Copy an image', content: [form] };
}

/** The regions to copy to, and the account where there are several: its regions are offered. */
function destinationFields() {
  const boxes = regions().map((region) => choice('checkbox', 'destination', region, { value: region }));
  const account = accountField('Into account', 'destinationAccount');
  const offer = ({ target }) => {
    const offered = accounts().find((one) => one.account === target.value).regions;
    for (const label of boxes) {
      const box = label.querySelector('input');
      box.disabled = !offered.includes(box.value);
      label.hidden = box.disabled;
    }
  };
  account?.addEventListener('change', offer);
  return h('fieldset', null, h('legend', null, 'Copy to'), account, h('div', { class: 'regions' }, boxes));
}

async function submit(form) {
  const { imageId, region, account } = form.elements;
  const source = scopeQuery({ account: account?.value, region: region.value });
  const path = `/amis/${encodeURIComponent(imageId.value)}/copies?${source}`;
  try {
    const job = await change('POST', path, readCopy(form));
    location.hash = `/jobs/${job.id}`;
  } catch (error) {
    if (error.body !== undefined) markFields(form, error);
    throw error;
  }
}

function readCopy(form) {
  const { name, description, kmsKeyId, encrypted, copyTags, onFailure, destinationAccount } = form.elements;
  const into = destinationAccount && { account: destinationAccount.value };
  const permissions = readPermissions(form);
  const tags = readTags(form.elements.tags.value);
  return {
    destinations: new FormData(form).getAll('destination').map((region) => ({ ...into, region })),
    ...(name.value && { name: name.value }),
    ...(description.value && { description: description.value }),
    ...(encrypted.checked && { encrypted: true }),
    ...(kmsKeyId.value && { kmsKeyId: kmsKeyId.value }),
    ...(Object.keys(tags).length > 0 && { tags }),
    ...(!copyTags.checked && { copyTags: false }),
    ...(Object.keys(permissions).length > 0 && { permissions }),
    onFailure: onFailure.value,
  };
}

function readTags(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const [key, ...value] = line.split('=');
      return [key.trim(), value.join('=').trim()];
    }),
  );
}
