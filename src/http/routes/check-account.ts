import { checkAccount } from '../../commands/check-account.ts';
import type { App, AppDeps } from '../deps.ts';
import { AccountCheck } from '../schemas/accounts.ts';
import { AccountPath } from '../schemas/parameters.ts';
import { answer, BODY_ERRORS, EC2_ERRORS, problems } from '../documented.ts';

const schema = {
  operationId: 'checkAccount',
  tags: ['service'],
  summary: 'Check an account',
  description:
    'Whether copies into the account would work: its role can be assumed, its regions are enabled, its key can be used, and EC2 allows the calls (dry runs). It changes nothing.',
  params: AccountPath,
  response: {
    200: answer('What works, and what does not.', AccountCheck),
    ...problems(...EC2_ERRORS, ...BODY_ERRORS, 'account-not-found'),
  },
} as const;

export function checkAccountRoute(app: App, deps: AppDeps): void {
  app.post(
    '/accounts/:account/check',
    { schema, config: { access: ['amis:copy'], idempotencyKey: false } },
    (request) => checkAccount(deps, request.params.account),
  );
}
