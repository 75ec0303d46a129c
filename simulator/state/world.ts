import { seedKeyring } from './seed-keys.ts';
import type { Clock } from '../clock.ts';
import { partitionOf } from '../regions.ts';
import type { Settings } from '../settings.ts';
import { Queues } from './queues.ts';
import { StateChanges } from './state-changes.ts';
import type { Image } from './image.ts';
import type { Key, Keyring } from './keys.ts';
import type { Snapshot } from './snapshot.ts';

export type BlockPublicAccess = Settings['blockPublicAccess'];

/** The data that CopyImage stores for a ClientToken. */
export interface TokenMemory {
  readonly fingerprint: string;
  readonly imageId: string;
  readonly at: number;
}

/** Settings per account and region. */
export interface Scope {
  readonly account: string;
  readonly region: string;
  /** Undefined: as in the simulator's settings. `before` is valid until `from`. */
  blockPublicAccess:
    | { readonly before: BlockPublicAccess; readonly after: BlockPublicAccess; readonly from: number }
    | undefined;
  encryptionByDefault: boolean;
  /** A key in any of its four forms; undefined: alias/aws/ebs. */
  defaultKmsKeyId: string | undefined;
  readonly tokens: Map<string, TokenMemory>;
  /** The images whose copies may still be pending. */
  copies: Image[];
  readonly buckets: Map<string, { tokens: number; at: number }>;
}

/** A deregistered image, which remains visible for a while. */
export interface LeavingImage {
  readonly image: Image;
  readonly listedUntil: number;
  readonly knownUntil: number;
}

export interface Region {
  readonly images: Map<string, Image>;
  /** Deregistered images, which only DescribeImages still returns. */
  readonly leaving: Map<string, LeavingImage>;
  readonly snapshots: Map<string, Snapshot>;
}

export interface OrganizationalUnit {
  readonly accounts: readonly { readonly account: string; readonly state: 'ACTIVE' | 'SUSPENDED' }[];
  readonly units: readonly string[];
}

/** The state of all accounts and regions, each created at its first use. */
export class World {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly queues = new Queues();
  /** The organizational units by id: their accounts, and the units below them. */
  readonly organizationalUnits = new Map<string, OrganizationalUnit>();
  readonly stateChanges = new StateChanges(this);
  readonly #regions = new Map<string, Region>();
  readonly #scopes = new Map<string, Scope>();
  readonly #keyrings = new Map<string, Keyring>();
  #sequence = 0;

  constructor(clock: Clock, settings: Settings) {
    this.clock = clock;
    this.settings = settings;
  }

  nextSequence(): number {
    return ++this.#sequence;
  }

  region(name: string): Region {
    return entry(this.#regions, name, () => ({
      images: new Map(),
      leaving: new Map(),
      snapshots: new Map(),
    }));
  }

  allRegions(): Iterable<Region> {
    return this.#regions.values();
  }

  scope(account: string, region: string): Scope {
    return entry(this.#scopes, `${account}/${region}`, () => newScope(account, region));
  }

  allScopes(): Iterable<Scope> {
    return this.#scopes.values();
  }

  keyring(account: string, region: string): Keyring {
    return entry(this.#keyrings, `${account}/${region}`, () =>
      seedKeyring(account, region, this.clock.now()),
    );
  }

  /**
   * Finds a key by key id, `alias/…`, key ARN or alias ARN; names without an account are the caller's own. Undefined if there
   * is none, or if an ARN is of another region: keys are regional.
   */
  findKey(account: string, region: string, identifier: string): Key | undefined {
    const arn = /^arn:([^:]+):kms:([^:]+):(\d{12}):(alias\/.+|key\/(.+))$/.exec(identifier);
    const [, partition, keyRegion, owner = account, resource = identifier, name = resource] = arn ?? [];
    if (arn !== null && (keyRegion !== region || partition !== partitionOf(region))) return undefined;
    const ring = this.keyring(owner, region);
    return ring.keys.get(name) ?? ring.keys.get(ring.aliases.get(name) ?? '');
  }
}

function newScope(account: string, region: string): Scope {
  return {
    account,
    region,
    blockPublicAccess: undefined,
    encryptionByDefault: false,
    defaultKmsKeyId: undefined,
    tokens: new Map(),
    copies: [],
    buckets: new Map(),
  };
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
