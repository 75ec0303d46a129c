import type { Logger } from '../logging/logging.ts';
import type {
  Account,
  Accounts,
  AccountsConfig,
  AccountsSource,
  UnitAccounts,
  UnitGroup,
  UnitState,
} from './accounts.ts';

/** How often AWS Organizations lists the accounts of a unit, milliseconds. */
const LIST_MS = 300_000;

/** How often the lists in Redis are read, milliseconds. */
const READ_MS = 10_000;

/** After a failed try, how long until the next one, milliseconds. */
const RETRY_MS = 60_000;

/** What keeps the groups that are organizational units up to date. */
export interface UnitLists {
  store: {
    read(): Promise<ReadonlyMap<string, UnitAccounts>>;
    write(unit: string, list: UnitAccounts): Promise<void>;
  };
  /** The accounts of a unit. */
  list: (unit: string) => Promise<string[]>;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** Epoch milliseconds of the shared clock. */
  now: () => number;
}

/**
 * The accounts of the accounts file: those that it lists, and those of its organizational units. The last list of a unit is kept in
 * Redis, and stays in force while AWS Organizations can't be asked. The first process that finds it too old renews it for all.
 */
export class ConfiguredAccounts implements AccountsSource {
  readonly #file: { current(): AccountsConfig };
  #lists: ReadonlyMap<string, UnitAccounts> = new Map();
  readonly #errors = new Map<string, { error: string; at: number }>();
  #merged:
    | { config: AccountsConfig; lists: ReadonlyMap<string, UnitAccounts>; accounts: Accounts }
    | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(file: { current(): AccountsConfig }) {
    this.#file = file;
  }

  current(): Accounts {
    const config = this.#file.current();
    if (config.units.length === 0) return config.accounts;
    if (this.#merged?.config !== config || this.#merged.lists !== this.#lists)
      this.#merged = { config, lists: this.#lists, accounts: merged(config, this.#lists) };
    return this.#merged.accounts;
  }

  units(): UnitState[] {
    return this.#file.current().units.map(({ name, organizationalUnit }) => ({
      group: name,
      organizationalUnit,
      listedAt: this.#lists.get(organizationalUnit)?.at ?? null,
      error: this.#errors.get(organizationalUnit)?.error ?? null,
    }));
  }

  /** Reads the lists now, and then regularly until {@link stop}. */
  async start(lists: UnitLists): Promise<void> {
    await this.refresh(lists);
    this.#timer = setInterval(() => void this.refresh(lists), READ_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reads the lists from Redis, and renews those that are too old. It never rejects: the last lists stay in force. */
  async refresh(lists: UnitLists): Promise<void> {
    const units = new Set(this.#file.current().units.map((one) => one.organizationalUnit));
    if (units.size === 0) return;
    const { store, now } = lists;
    const known = await store.read().catch(() => this.#lists);
    this.#lists = new Map([...this.#lists, ...known]);
    for (const unit of units) {
      const tried = this.#errors.get(unit)?.at ?? -Infinity;
      if (now() - (this.#lists.get(unit)?.at ?? -Infinity) < LIST_MS) this.#errors.delete(unit);
      else if (now() - tried >= RETRY_MS) await this.#list(unit, lists);
    }
  }

  async #list(unit: string, { store, list, logger, now }: UnitLists): Promise<void> {
    try {
      const accounts = await list(unit);
      const kept = { accounts, at: now() };
      this.#lists = new Map([...this.#lists, [unit, kept]]);
      this.#errors.delete(unit);
      await store.write(unit, kept);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#errors.set(unit, { error: message, at: now() });
      logger.warn(
        { err: error, organizationalUnit: unit },
        'could not list the accounts of an organizational unit: the last list stays in force',
      );
    }
  }
}

/** An account that the file lists keeps its own settings; in the others those of the first of their groups in the file apply. */
function merged(config: AccountsConfig, lists: ReadonlyMap<string, UnitAccounts>): Accounts {
  const all = new Map(config.accounts);
  for (const group of config.units)
    for (const account of lists.get(group.organizationalUnit)?.accounts ?? []) {
      const known = all.get(account) ?? accountIn(group, account, config);
      all.set(account, { ...known, groups: [...new Set([...known.groups, group.name])] });
    }
  return all;
}

function accountIn(
  { regions, kmsKeyId }: UnitGroup,
  account: string,
  { role, readRole }: AccountsConfig,
): Account {
  return { account, alias: null, regions, kmsKeyId, groups: [], role, readRole };
}
