import { listAccounts, listUnits } from '../../commands/list-accounts.ts';
import type { App, AppDeps } from '../deps.ts';
import { AccountList } from '../schemas/accounts.ts';
import { answer, EC2_ERRORS, problems } from '../documented.ts';

const schema = {
  operationId: 'listAccounts',
  tags: ['service'],
  summary: 'List the accounts',
  description:
    "The service's own account and those that the operator has configured (ACCOUNTS_FILE): requests may name these, in these regions. Of groups that are organizational units, how old the list of their accounts is.",
  response: {
    200: answer('The accounts.', AccountList),
    ...problems(...EC2_ERRORS),
  },
} as const;

export function listAccountsRoute(app: App, deps: AppDeps): void {
  app.get('/accounts', { schema, config: { access: ['amis:read'] } }, async () => ({
    accounts: await listAccounts(deps),
    organizationalUnits: listUnits(deps).map(({ listedAt, ...unit }) => ({
      ...unit,
      listedAt: listedAt === null ? null : new Date(listedAt).toISOString(),
    })),
  }));
}
