import type { RedisClient } from '../redis-client.ts';
import type { Audit, AuditAction, AuditEntry, AuditOutcome } from '../domain/audit.ts';
import { hasJobContext } from '../logging/log-context.ts';
import type { Logger } from '../logging/logging.ts';
import { NO_SECRETS } from '../logging/logging.ts';
import type { IndexCommand } from './indexes.ts';
import type { StoreKeys } from './keys.ts';
import { storeKeys } from './keys.ts';

/** An entry as Redis stores it. `id` increases from entry to entry; `at` is epoch milliseconds by Redis' clock. */
export interface KeptEntry extends AuditEntry {
  id: string;
  at: number;
}

export interface AuditFilter {
  principal?: string;
  action?: AuditAction;
  outcome?: AuditOutcome;
  jobId?: string;
  imageId?: string;
  /** 1–100. */
  limit: number;
  /** The `nextCursor` of the page before. */
  cursor?: string;
}

export interface AuditPage {
  entries: KeptEntry[];
  /** `null` on the last page. A page may have fewer entries than asked for, or none, and still not be the last. */
  nextCursor: string | null;
}

/** Entries that one round trip reads, and that one page reads at most. */
const BATCH = 500;
const MOST = 10_000;

/** Approximate bytes: of the entries of one page, of those that one round trip reads, and of those that one page reads at most. */
const PAGE_BYTES = 4 * 1024 * 1024;
const BATCH_BYTES = 1024 * 1024;
const MOST_BYTES = 16 * 1024 * 1024;

/** Entries of the first round trip: how large entries are is not known yet. */
const FIRST_BATCH = 10;

/**
 * The audit: an append-only stream in Redis, whose oldest entries are dropped, and a log line for each entry. Log lines can be shipped
 * to a place where this service cannot change them. The line is written first, also while Redis is away.
 */
export class AuditLog implements Audit {
  readonly #redis: RedisClient;
  readonly #keys: StoreKeys;
  readonly #logger: Logger;
  readonly #faults: Logger;
  readonly #maxEntries: number;

  constructor(redis: RedisClient, prefix: string, options: { logger: Logger; maxEntries: number }) {
    this.#redis = redis;
    this.#keys = storeKeys(prefix);
    // Audit lines are written at every LOG_LEVEL except silent.
    const level = options.logger.level === 'silent' ? 'silent' : 'info';
    this.#logger = options.logger.child({ audit: true }, { level, ...NO_SECRETS });
    this.#faults = options.logger;
    this.#maxEntries = options.maxEntries;
  }

  log(entry: AuditEntry): void {
    this.#logger.info({ ...aboutEntry(entry), ...entry }, `${entry.action} ${entry.outcome}`);
  }

  async record(entry: AuditEntry): Promise<void> {
    this.log(entry);
    try {
      const [command, ...args] = auditCommand(this.#keys, entry, this.#maxEntries);
      await this.#redis.call(command, ...args);
    } catch (error) {
      this.#faults.error({ err: error }, 'Redis did not take the audit entry: it is in the log alone');
    }
  }

  /** Entries, newest first. The work for a page and its size are bounded: a page may be short or empty, and still not be the last. */
  async list({ limit, cursor, ...filter }: AuditFilter): Promise<AuditPage> {
    const entries: KeptEntry[] = [];
    // Redis refuses an exclusive range from the first possible id. Nothing is before that id.
    if (cursor !== undefined && /^0+-0+$/.test(cursor)) return { entries, nextCursor: null };
    let from = cursor === undefined ? '+' : `(${cursor}`;
    let count = FIRST_BATCH;
    let [seen, read, bytes] = [0, 0, 0];
    while (seen < MOST && read < MOST_BYTES) {
      const batch = await this.#redis.xrevrange(this.#keys.audit, from, '-', 'COUNT', count);
      for (const [id, [, json = '']] of batch) {
        const entry = parseEntry(id, json);
        const isWanted = matches(entry, filter);
        if (isWanted && bytes > 0 && bytes + json.length > PAGE_BYTES)
          return { entries, nextCursor: from.slice(1) };
        from = `(${id}`;
        read += json.length;
        if (!isWanted) continue;
        entries.push(entry);
        bytes += json.length;
        if (entries.length === limit) return { entries, nextCursor: id };
      }
      if (batch.length < count) return { entries, nextCursor: null };
      seen += batch.length;
      count = Math.max(1, Math.min(BATCH, Math.floor((BATCH_BYTES * seen) / read)));
    }
    return { entries, nextCursor: from.slice(1) };
  }
}

/** The command that appends an entry, and keeps about `maxEntries` of them. */
export function auditCommand(keys: StoreKeys, entry: AuditEntry, maxEntries: number): IndexCommand {
  return ['XADD', keys.audit, 'MAXLEN', '~', maxEntries, '*', 'entry', JSON.stringify(entry)];
}

/** The fields of a log line that name the job. Within a step of the job, every line has them already. */
function aboutEntry({ jobId, image }: AuditEntry): object {
  if (jobId === null || hasJobContext()) return {};
  return { job: jobId, destination: null, account: image?.account ?? null, region: image?.region ?? null };
}

/** The stream's ids begin with the time, in milliseconds. */
function parseEntry(id: string, json: string): KeptEntry {
  const entry: AuditEntry = JSON.parse(json);
  return { id, at: Number.parseInt(id, 10), ...entry };
}

function matches(entry: KeptEntry, { imageId, ...rest }: Omit<AuditFilter, 'limit' | 'cursor'>): boolean {
  if (imageId !== undefined && entry.image?.imageId !== imageId) return false;
  const { principal = entry.principal, action = entry.action, outcome = entry.outcome } = rest;
  const { jobId = entry.jobId } = rest;
  return (
    entry.principal === principal &&
    entry.action === action &&
    entry.outcome === outcome &&
    entry.jobId === jobId
  );
}
