import { facts, h } from './dom.js';
import { listAccounts } from './places.js';

/** The accounts that requests may name, the service's own first. */
export async function accountsPage({ signal }) {
  const accounts = await listAccounts(signal);
  const about = "The service's own account, and those of its accounts file. Requests may name these.";
  return { title: 'Accounts', content: [h('p', null, about), ...accounts.map(accountCard)] };
}

/** @param {import('../src/http/schemas/accounts.ts').Account} account */
function accountCard({ account, own, alias, groups, regions, kmsKeyId }) {
  const name = alias ?? account;
  return h(
    'section',
    { class: 'card', 'aria-label': `Account ${account}` },
    h('h2', null, own ? `${name}, the service's own` : name),
    facts([
      ['Account', h('span', { class: 'id' }, account)],
      ['Alias', alias],
      ['Groups', groups.join(', ')],
      ['Regions', regions.join(', ')],
      ['Key of copies into it', kmsKeyId && h('span', { class: 'id' }, kmsKeyId)],
    ]),
  );
}
