import { Type } from 'typebox';
import { SettingsSchema } from '../settings.ts';
import { StateSchema } from '../state/new-image.ts';

const closed = { additionalProperties: false };

export const PartialSettingsSchema = Type.Partial(SettingsSchema, closed);

export const ClockSchema = Type.Object({ advanceSeconds: Type.Number({ minimum: 0 }) }, closed);

/** The body of POST /_simulator/images/{imageId}. */
export const ImageChangeSchema = Type.Object(
  { state: StateSchema, stateReason: Type.Optional(Type.String()) },
  closed,
);

/** The body of POST /_simulator/keys. Without `keyId` the id is derived from account, region and alias. */
export const NewKeySchema = Type.Object(
  {
    account: Type.String({ pattern: '^\\d{12}$' }),
    region: Type.String(),
    alias: Type.Optional(Type.String({ pattern: '^alias/.+' })),
    keyId: Type.Optional(Type.String({ minLength: 1 })),
    description: Type.Optional(Type.String()),
    manager: Type.Optional(Type.Union([Type.Literal('CUSTOMER'), Type.Literal('AWS')])),
    keySpec: Type.Optional(Type.Union([Type.Literal('SYMMETRIC_DEFAULT'), Type.Literal('RSA_2048')])),
    enabled: Type.Optional(Type.Boolean()),
    policyAccounts: Type.Optional(Type.Array(Type.String({ pattern: '^\\d{12}$' }))),
  },
  closed,
);

/** The accounts of an organizational unit, and the units below it. */
export const UnitSchema = Type.Object(
  {
    accounts: Type.Array(Type.String({ pattern: '^[0-9]{12}$' })),
    suspended: Type.Optional(Type.Array(Type.String({ pattern: '^[0-9]{12}$' }))),
    units: Type.Optional(Type.Array(Type.String())),
  },
  { additionalProperties: false },
);
