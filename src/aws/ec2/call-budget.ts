import type { Scope } from '../../domain/ami.ts';

/**
 * What this service lets itself call in a scope, so that EC2 need not refuse: every refused call counts against the
 * account's limits, whatever else runs in it.
 */
export interface CallBudget {
  /** Takes one call of an operation. 0: it may be made now. Else the milliseconds until there is one, and none is taken. */
  take(scope: Scope, operation: string): Promise<number>;
  /** EC2 refused a call with RequestLimitExceeded: others in the account call too. */
  refused(scope: Scope, operation: string): Promise<void>;
}
