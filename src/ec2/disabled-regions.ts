import type { Scope } from '../domain/ami.ts';
import type { Ec2Gateway } from './gateway.ts';

/** For so long an answer is kept, milliseconds: enabling a region takes minutes anyhow. */
const FRESH_MS = 60_000;

/** The regions that the account has not enabled, asked for at most once a minute. A failure is not kept. */
export class DisabledRegions {
  readonly #gateway: Pick<Ec2Gateway, 'disabledRegions'>;
  readonly #scope: Scope;
  readonly #now: () => number;
  #answer: { at: number; regions: Promise<string[]> } | null = null;

  /**
   * @param scope where EC2 is asked
   * @param now milliseconds of any clock that only goes forward
   */
  constructor(
    gateway: Pick<Ec2Gateway, 'disabledRegions'>,
    scope: Scope,
    now: () => number = () => performance.now(),
  ) {
    this.#gateway = gateway;
    this.#scope = scope;
    this.#now = now;
  }

  /** @throws {Ec2Error} what the call met */
  async read(): Promise<string[]> {
    const known = this.#answer;
    if (known !== null && this.#now() - known.at < FRESH_MS) return known.regions;
    const answer = { at: this.#now(), regions: this.#gateway.disabledRegions(this.#scope) };
    this.#answer = answer;
    answer.regions.catch(() => {
      if (this.#answer === answer) this.#answer = null;
    });
    return answer.regions;
  }
}
