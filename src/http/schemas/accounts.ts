import { Type } from 'typebox';
import type { Static } from 'typebox';
import { CLOSED, component, nullable, oneOf, ref } from './component.ts';
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

export const AccountFinding = component(
  'AccountFinding',
  Type.Object(
    {
      what: Type.String({
        description: '`role`, `region`, `key`, or an operation such as `ec2:CopyImage`.',
      }),
      region: nullable(Region),
      outcome: oneOf(['ok', 'failed', 'unknown'], {
        description: "`unknown`: AWS' answer does not say whether it works.",
      }),
      message: nullable(Type.String({ description: 'Why, and what to do.' })),
      statement: nullable(
        Type.Object(
          {
            Effect: Type.Literal('Allow'),
            Action: Type.Array(Type.String()),
            Resource: Type.Array(Type.String()),
          },
          { ...CLOSED, description: "The statement to add to the policy of the account's role." },
        ),
      ),
    },
    { ...CLOSED, description: 'One thing that was checked.' },
  ),
);

export const AccountCheck = component(
  'AccountCheck',
  Type.Object(
    {
      account: AccountId,
      ok: Type.Boolean({ description: 'Whether nothing failed.' }),
      findings: Type.Array(ref(AccountFinding)),
    },
    { ...CLOSED, description: 'Whether copies into an account would work.' },
  ),
);

export const AccountList = component(
  'AccountList',
  Type.Object(
    {
      accounts: Type.Array(ref(Account)),
      organizationalUnits: Type.Array(
        Type.Object(
          {
            name: Type.String({ description: 'Name of the group, as in `group` of a destination.' }),
            organizationalUnit: Type.String(),
            listedAt: nullable(
              Type.String({
                format: 'date-time',
                description: 'When AWS Organizations last listed its accounts; null: never.',
              }),
            ),
            ageSeconds: nullable(Type.Integer({ minimum: 0 })),
            error: nullable(
              Type.String({ description: 'Why AWS Organizations could not list them since then.' }),
            ),
          },
          CLOSED,
        ),
        { description: 'The groups whose accounts are those of an organizational unit.' },
      ),
    },
    { ...CLOSED, description: "The service's own account, and those of ACCOUNTS_FILE." },
  ),
);

export type Account = Static<typeof Account>;
