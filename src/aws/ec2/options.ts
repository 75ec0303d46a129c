import type { Scope } from '../../domain/ami.ts';
import type { AwsOptions } from '../clients.ts';
import type { AwsErrorKind } from '../error-codes.ts';
import type { CallBudget } from './call-budget.ts';

/** One call of EC2 that was answered, or given up. */
export interface Ec2Call {
  operation: string;
  scope: Scope;
  /** `ok`, or why it failed. */
  outcome: 'ok' | AwsErrorKind;
  milliseconds: number;
}

export interface Ec2Options extends AwsOptions {
  /** Asked before each call. */
  budget?: CallBudget;
  /** Hears of every call, after it. */
  onCall?: (call: Ec2Call) => void;
}
