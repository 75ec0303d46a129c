import type { Scope } from '../../domain/ami.ts';

/**
 * The call budget of this service in a scope. It keeps EC2 from refusing calls: every refused call counts against the account's
 * limits, which other users of the account share.
 */
export interface CallBudget {
  /**
   * Takes one call of an operation. Returns 0 if it may be made now. Else it takes none, and returns the milliseconds until
   * there is one.
   */
  take(scope: Scope, operation: string): Promise<number>;
  /** Records that EC2 refused a call with RequestLimitExceeded: others in the account call too. */
  refused(scope: Scope, operation: string): Promise<void>;
}
