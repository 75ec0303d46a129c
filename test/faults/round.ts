import { checkAccess } from './access/check.ts';
import { check } from './checker.ts';
import type { Finding } from './checker.ts';
import { randomOfRound } from './random.ts';
import type { Scenario } from './scenario.ts';
import { gather, leftHolds, leftIndexes, settle, settleIndexes } from './settle.ts';
import { Stage } from './stage.ts';
import type { Table } from './table.ts';

export interface Outcome {
  findings: Finding[];
  /** How often its moment came and it was done. */
  hits: number;
}

/** Plays one scenario on a running stack, waits till things have come to rest, and compares all books. */
export async function playRound(
  table: Table,
  scenario: Scenario,
  seed: number,
  round: number,
): Promise<Outcome> {
  const { stack, client, ec2, recovery, bounds } = table;
  const findings = table.seen;
  findings.length = 0;
  const complain = (what: string) => void findings.push({ kind: 'wrong', what });
  await stack.ready();
  const stage = new Stage({
    ...table,
    random: randomOfRound(seed, round),
    label: `round-${round}`,
    complain,
  });
  await scenario.play(stage).catch((error: unknown) => complain(`the moment never came: ${String(error)}`));
  await stack.ready();
  await settle(client, bounds.stuck);
  await settleIndexes(stack.redis.port, bounds.stuck);
  await stage.end();
  await stack.control.clearFaults();
  recovery.forget();
  findings.push(...(await checkAccess(table.claims, ec2, table.touched())));
  findings.push(...check(await gather(stack, client, ec2, stage.expected)));
  // Of what is stuck they are right to stand.
  const left = findings.some(({ kind }) => kind === 'stuck') ? [] : await leftIndexes(stack.redis.port);
  for (const key of left)
    findings.push({ kind: 'left over', what: `${key} still stands with nothing unfinished` });
  if (findings.some(({ kind }) => kind === 'stuck')) return { findings: [...findings], hits: stage.hits };
  for (const what of await leftHolds(stack.redis.port, ec2)) findings.push({ kind: 'holds left', what });
  return { findings: [...findings], hits: stage.hits };
}
