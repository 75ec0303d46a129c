/** One CopyImage call with its result. */
export interface CopyImageCall {
  /** Simulated time, ISO 8601. */
  readonly at: string;
  readonly account: string;
  readonly region: string;
  readonly clientToken: string | null;
  /** The request's parameters as sent. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The image that was made, or found by its token, even if the answer did not reach the caller. */
  imageId: string | null;
  /** The error code of the answer. */
  error: string | null;
  /** Whether the token was known, so that no image was made. */
  replayed: boolean;
}

/** The answer of GET /_simulator/calls. */
export interface LedgerView {
  readonly total: number;
  readonly mutations: number;
  /** action → region → number of calls, refused ones included. */
  readonly calls: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** action → error code → number. */
  readonly errors: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** `account/region` → the largest number of copies that were pending at once. */
  readonly peakCopies: Readonly<Record<string, number>>;
  readonly copyImage: readonly CopyImageCall[];
}

type Counts = Map<string, Map<string, number>>;

/** Records all calls: each CopyImage call, and only counts of the others, which need little memory. */
export class Ledger {
  #total = 0;
  #mutations = 0;
  #calls: Counts = new Map();
  #errors: Counts = new Map();
  #peaks = new Map<string, number>();
  #copies: CopyImageCall[] = [];
  #made = new Set<string>();

  called(action: string, region: string, mutates: boolean): void {
    this.#total++;
    if (mutates) this.#mutations++;
    increment(this.#calls, action, region);
  }

  failed(action: string, code: string): void {
    increment(this.#errors, action, code);
  }

  /** Starts the entry of one CopyImage call; the caller completes it. */
  copyCalled(call: Pick<CopyImageCall, 'at' | 'account' | 'region' | 'parameters'>): CopyImageCall {
    const clientToken = call.parameters['ClientToken'] ?? null;
    const entry: CopyImageCall = { ...call, clientToken, imageId: null, error: null, replayed: false };
    this.#copies.push(entry);
    return entry;
  }

  copyAccepted(entry: CopyImageCall, imageId: string, underWay: number): void {
    entry.imageId = imageId;
    entry.replayed = this.#made.has(imageId);
    this.#made.add(imageId);
    const scope = `${entry.account}/${entry.region}`;
    this.#peaks.set(scope, Math.max(underWay, this.#peaks.get(scope) ?? 0));
  }

  view(): LedgerView {
    return {
      total: this.#total,
      mutations: this.#mutations,
      calls: plain(this.#calls),
      errors: plain(this.#errors),
      peakCopies: Object.fromEntries(this.#peaks),
      copyImage: this.#copies,
    };
  }
}

function increment(counts: Counts, first: string, second: string): void {
  let row = counts.get(first);
  if (row === undefined) counts.set(first, (row = new Map()));
  row.set(second, (row.get(second) ?? 0) + 1);
}

function plain(counts: Counts): Record<string, Record<string, number>> {
  return Object.fromEntries([...counts].map(([name, row]) => [name, Object.fromEntries(row)]));
}
