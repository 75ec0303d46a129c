import type { OrganizationsClient } from '@aws-sdk/client-organizations';
import { classify } from '../aws-error.ts';
import type { AwsOptions, ServiceSdk } from '../clients.ts';
import { AwsClients } from '../clients.ts';
import { listIn } from '../expected-answers.ts';
import { pagesOf } from '../pages.ts';

type OrganizationsSdk = typeof import('@aws-sdk/client-organizations');
const ORGANIZATIONS: ServiceSdk<OrganizationsSdk, OrganizationsClient> = {
  service: 'Organizations',
  answers: 'json',
  load: () => import('@aws-sdk/client-organizations'),
  create: (sdk, config) => new sdk.OrganizationsClient(config),
};

/** AWS Organizations has one endpoint in the partition aws (ec2-facts: "Roles", Organizations). */
const REGION = 'us-east-1';

/** Units below units: AWS Organizations allows 5 levels. */
const LEVELS = 5;

/**
 * Reads the accounts of organizational units, with the service's own credentials. They have to belong to the management account of the
 * organization, or to a delegated administrator. The SDK is loaded at the first call.
 */
export class Organizations {
  readonly #clients: AwsClients<OrganizationsSdk, OrganizationsClient>;

  constructor(options: AwsOptions) {
    this.#clients = new AwsClients(ORGANIZATIONS, options);
  }

  /**
   * The active accounts in a unit and in the units below it, sorted. A suspended account is left out.
   * @param unit its id, such as `ou-abcd-11112222`
   * @throws {AwsError}
   */
  async accountsIn(unit: string): Promise<string[]> {
    const found = await this.#below(unit, LEVELS);
    return [...new Set(found)].toSorted();
  }

  close(): void {
    this.#clients.close();
  }

  async #below(unit: string, levels: number): Promise<string[]> {
    const accounts = await this.#accounts(unit);
    if (levels === 0) return accounts;
    const units = await this.#units(unit);
    for (const one of units) accounts.push(...(await this.#below(one, levels - 1)));
    return accounts;
  }

  async #accounts(ParentId: string): Promise<string[]> {
    const { sdk, client } = await this.#clients.get({ account: null, region: REGION });
    const accounts: string[] = [];
    try {
      const pages = sdk.paginateListAccountsForParent({ client }, { ParentId });
      for await (const { Accounts } of pagesOf(pages, ({ NextToken }) => NextToken))
        for (const { Id, State } of listIn(Accounts, 'Accounts'))
          if (Id !== undefined && State === 'ACTIVE') accounts.push(Id);
    } catch (error) {
      throw classify(error, 'Organizations', 'ListAccountsForParent', REGION);
    }
    return accounts;
  }

  async #units(ParentId: string): Promise<string[]> {
    const { sdk, client } = await this.#clients.get({ account: null, region: REGION });
    const units: string[] = [];
    try {
      const pages = sdk.paginateListOrganizationalUnitsForParent({ client }, { ParentId });
      for await (const { OrganizationalUnits } of pagesOf(pages, ({ NextToken }) => NextToken))
        for (const { Id } of listIn(OrganizationalUnits, 'OrganizationalUnits'))
          if (Id !== undefined) units.push(Id);
    } catch (error) {
      throw classify(error, 'Organizations', 'ListOrganizationalUnitsForParent', REGION);
    }
    return units;
  }
}
