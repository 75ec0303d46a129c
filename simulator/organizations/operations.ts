import { Type } from 'typebox';
import { AwsError } from '../errors.ts';
import type { World } from '../state/world.ts';
import { jsonInput } from '../wire/json-input.ts';

const InputSchema = Type.Object({
  ParentId: Type.String({ minLength: 1 }),
  NextToken: Type.Optional(Type.String()),
  MaxResults: Type.Optional(Type.Integer({ minimum: 1, maximum: 20 })),
});

/** The longest page of AWS Organizations. */
const mostAtOnce = 20;

type OrganizationsOperation = (world: World, body: string) => object;

const listAccountsForParent: OrganizationsOperation = (world, body) => {
  const { page, more } = pageOf(world, body, ({ accounts }) => accounts);
  const Accounts = page.map(({ account, state }) => ({
    Id: account,
    Arn: `arn:aws:organizations::111111111111:account/o-simulated00/${account}`,
    Name: `simulated ${account}`,
    State: state,
  }));
  return { Accounts, ...more };
};

const listUnitsForParent: OrganizationsOperation = (world, body) => {
  const { page, more } = pageOf(world, body, ({ units }) => units);
  return {
    OrganizationalUnits: page.map((Id) => ({
      Id,
      Arn: `arn:aws:organizations::111111111111:ou/o-simulated00/${Id}`,
      Name: Id,
    })),
    ...more,
  };
};

/** A page of what a unit contains. The token is the position of the next page. */
function pageOf<T>(
  world: World,
  body: string,
  of: (unit: NonNullable<ReturnType<World['organizationalUnits']['get']>>) => readonly T[],
): { page: readonly T[]; more: { NextToken?: string } } {
  const { ParentId, NextToken, MaxResults = mostAtOnce } = jsonInput(InputSchema, body);
  const unit = world.organizationalUnits.get(ParentId);
  if (unit === undefined)
    throw new AwsError(
      'ParentNotFoundException',
      `You specified parent ID ${ParentId}, which does not exist.`,
    );
  const start = Number(NextToken ?? '0');
  const all = of(unit);
  const end = start + MaxResults;
  return { page: all.slice(start, end), more: end < all.length ? { NextToken: String(end) } : {} };
}

/** Every action of AWS Organizations that is simulated. */
export const organizationsOperations: ReadonlyMap<string, OrganizationsOperation> = new Map([
  ['ListAccountsForParent', listAccountsForParent],
  ['ListOrganizationalUnitsForParent', listUnitsForParent],
]);
