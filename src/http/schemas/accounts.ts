import { Type } from 'typebox';
import { CLOSED, component, nullable, ref } from './component.ts';
import { AccountId, Region } from './fields.ts';

export const Account = component(
  'Account',
  Type.Object(
    {
      account: AccountId,
      own: Type.Boolean({ description: "Whether it is the account of the service's own credentials." }),
      alias: nullable(Type.String({ description: 'A name for people.' })),
      regions: Type.Array(Region, { description: 'The regions that requests may name in it.' }),
      kmsKeyId: nullable(Type.String({ description: 'The key of copies into it that name none.' })),
      groups: Type.Array(Type.String()),
    },
    { ...CLOSED, description: 'An account that requests may name.' },
  ),
);

export const AccountList = component(
  'AccountList',
  Type.Object(
    { accounts: Type.Array(ref(Account)) },
    { ...CLOSED, description: "The service's own account, and those of ACCOUNTS_FILE." },
  ),
);
