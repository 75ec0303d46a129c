import type { AwsStsGateway } from './aws-sts-gateway.ts';

/**
 * The service's own account id. It asks STS once and keeps the answer for the process: credentials are renewed while a process
 * runs, but the renewed ones belong to the same account.
 */
export class OwnAccount {
  readonly #sts: Pick<AwsStsGateway, 'callerAccount'>;
  readonly #region: string;
  #known: string | null = null;
  #call: Promise<string> | undefined;

  /** @param region the region whose STS endpoint is called */
  constructor(sts: Pick<AwsStsGateway, 'callerAccount'>, region: string) {
    this.#sts = sts;
    this.#region = region;
  }

  /** The id if STS has already answered, else `null`. Makes no call. */
  known(): string | null {
    return this.#known;
  }

  /**
   * The id, 12 digits. Concurrent callers share one call. A failed call is not kept: the next caller starts another one.
   * @throws {AwsError} as the call was classified
   */
  async get(): Promise<string> {
    if (this.#known !== null) return this.#known;
    this.#call ??= this.#ask();
    return this.#call;
  }

  async #ask(): Promise<string> {
    try {
      this.#known = await this.#sts.callerAccount(this.#region);
      return this.#known;
    } finally {
      this.#call = undefined;
    }
  }
}
