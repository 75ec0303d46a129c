import type { Scope } from '../../domain/ami.ts';
import type { AwsOptions } from '../clients.ts';
import type { AwsErrorKind } from '../error-codes.ts';
import type { CallBudget } from './call-budget.ts';

/** One call of EC2 that was answered, or given up. */
export interface Ec2Call {
  operation: string;
  scope: Scope;
  /** `ok`, or the kind of the failure. */
  outcome: 'ok' | AwsErrorKind;
  milliseconds: number;
}

export interface Ec2Options extends AwsOptions {
  /** Is asked before each call. */
  budget?: CallBudget;
  /** Is called after every call. */
  onCall?: (call: Ec2Call) => void;
}
