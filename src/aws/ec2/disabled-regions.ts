import type { Scope } from '../../domain/ami.ts';
import { scopeKey } from '../../domain/ami.ts';
import type { Ec2Gateway } from './gateway.ts';
import { Recent } from './recent.ts';

/** For how long an answer is kept, milliseconds: enabling a region takes minutes in any case. */
const FRESH_MS = 60_000;

/** The regions that each account has not enabled. They are queried at most once a minute. A failure is not cached. */
export class DisabledRegions {
  readonly #gateway: Pick<Ec2Gateway, 'disabledRegions'>;
  readonly #region: string;
  readonly #answers: Recent<string[]>;

  /**
   * @param region the region in which EC2 is called
   * @param now milliseconds of any monotonic clock
   */
  constructor(
    gateway: Pick<Ec2Gateway, 'disabledRegions'>,
    region: string,
    now: () => number = () => performance.now(),
  ) {
    this.#gateway = gateway;
    this.#region = region;
    this.#answers = new Recent(FRESH_MS, { now });
  }

  /** @throws {AwsError} the error of the call */
  async read(account: string): Promise<string[]> {
    const scope: Scope = { account, region: this.#region };
    return this.#answers.get(scopeKey(scope), () => this.#gateway.disabledRegions(scope));
  }
}
