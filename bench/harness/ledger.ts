import type { LedgerView } from '../../simulator/index.ts';

/** EC2's operations with the number of calls of each, in all regions. */
export type CallCounts = Record<string, number>;

/** What the simulator counted. */
export function countsOf({ calls }: LedgerView): CallCounts {
  return Object.fromEntries(
    Object.entries(calls).map(([action, byRegion]) => [action, sum(Object.values(byRegion))]),
  );
}

/** What was called in between. */
export function callsSince(before: CallCounts, after: CallCounts): CallCounts {
  const added = Object.entries(after).map(([action, n]): [string, number] => [
    action,
    n - (before[action] ?? 0),
  ]);
  return Object.fromEntries(added.filter(([, n]) => n > 0));
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** `DescribeImages 60, DescribeSnapshots 60`, in alphabetical order. */
export function told(counts: CallCounts): string {
  const parts = Object.entries(counts).sort(([a], [b]) => a.localeCompare(b));
  return parts.map(([action, n]) => `${action} ${n.toLocaleString('en-US')}`).join(', ');
}
