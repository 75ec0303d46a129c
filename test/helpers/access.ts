import type { ApiKey } from '../../src/auth/api-keys.ts';
import { newApiKey } from '../../src/auth/api-keys.ts';
import { parsePolicy } from '../../src/auth/policy-file.ts';
import type { AccessScope } from '../../src/domain/access.ts';
import { ACCESS_SCOPES } from '../../src/domain/access.ts';
import type { Policy, Rules } from '../../src/domain/policy.ts';

/** Rules that allow everything but what a test takes back. */
export const EVERYTHING: Rules = {
  sourceRegions: ['*'],
  destinationRegions: ['*'],
  accounts: ['*'],
  organizations: ['*'],
  organizationalUnits: ['*'],
  kmsKeys: ['*'],
  allowPublic: true,
  allowKeyGrants: true,
};

/** A policy that a test changes as it goes, as somebody does the file. */
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

/** API keys that exist only here. */
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

  /** Leaves a key only these scopes. */
  narrow(secret: string, scopes: AccessScope[]): void {
    this.#keys = this.#keys.map((key) => (secret.includes(key.id) ? { ...key, scopes } : key));
  }

  /** Takes a key back. */
  revoke(secret: string): void {
    this.#keys = this.#keys.filter(({ id }) => !secret.includes(id));
  }
}
