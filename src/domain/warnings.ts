import { scopeKey } from './ami.ts';
import type { Warning } from './job.ts';

/**
 * Adds warnings to those that are known. A warning that each try finds again is reported once. Where the statements of a
 * warning equal those of an earlier one, the warning refers to that one: a job has as many such warnings as it has destinations, and
 * each may name a thousand accounts.
 */
export function withWarnings(known: readonly Warning[], more: readonly Warning[]): Warning[] {
  const all = [...known];
  for (const one of more) {
    const isKnown = all.some((other) => other.message === one.message && scopeKey(other) === scopeKey(one));
    if (!isKnown) all.push(withStatementsOnce(all, one));
  }
  return all;
}

function withStatementsOnce(known: readonly Warning[], one: Warning): Warning {
  const { statements, ...rest } = one;
  if (statements === undefined) return one;
  const text = JSON.stringify(statements);
  const same = known.find((other) => other.statements && JSON.stringify(other.statements) === text);
  if (same === undefined) return one;
  const message = `${rest.message}. They are the statements of the warning about ${same.region} (account ${same.account})`;
  return { ...rest, message };
}
