import type { ApiKey } from '../../src/auth/api-keys.ts';
import { newApiKey } from '../../src/auth/api-keys.ts';
import { parsePolicy } from '../../src/auth/policy-file.ts';
import type { AccessScope } from '../../src/domain/access.ts';
import { ACCESS_SCOPES } from '../../src/domain/access.ts';
import type { Policy, Rules } from '../../src/domain/policy.ts';

/** Rules that allow everything. */
export const EVERYTHING: Rules = {
  sourceRegions: ['*'],
  destinationRegions: ['*'],
  destinationAccounts: ['*'],
  accounts: ['*'],
  organizations: ['*'],
  organizationalUnits: ['*'],
  kmsKeys: ['*'],
  allowPublic: true,
  allowKeyGrants: true,
};

/** A policy that a test can change, like the policy file. */
export class TestPolicy {
  #policy: Policy;

  constructor(principals: Record<string, Partial<Rules>>) {
    this.#policy = parsePolicy(JSON.stringify({ principals }));
  }

  current(): Policy {
    return this.#policy;
  }

  set(principals: Record<string, Partial<Rules>>): void {
    this.#policy = parsePolicy(JSON.stringify({ principals }));
  }
}

/** API keys in memory. */
export class TestKeys {
  #keys: ApiKey[] = [];

  current(): readonly ApiKey[] {
    return this.#keys;
  }

  /** Makes a key; the principal is `key:<name>`. */
  make(name: string, scopes: readonly AccessScope[] = ACCESS_SCOPES, expiresAt: Date | null = null): string {
    const { secret, key } = newApiKey(name, scopes, expiresAt);
    this.#keys.push(key);
    return secret;
  }

  /** Restricts a key to these scopes. */
  narrow(secret: string, scopes: AccessScope[]): void {
    this.#keys = this.#keys.map((key) => (secret.includes(key.id) ? { ...key, scopes } : key));
  }

  /** Revokes a key. */
  revoke(secret: string): void {
    this.#keys = this.#keys.filter(({ id }) => !secret.includes(id));
  }
}
