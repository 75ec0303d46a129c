import { FAULT_SCENARIOS } from './faults.ts';
import { KILL_SCENARIOS } from './kills.ts';
import { LOOSE_SCENARIOS } from './loose.ts';
import { OUTSIDE_SCENARIOS } from './outside.ts';
import { PAUSE_SCENARIOS } from './pauses.ts';
import { Random } from './random.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...KILL_SCENARIOS,
  ...PAUSE_SCENARIOS,
  ...FAULT_SCENARIOS,
  ...LOOSE_SCENARIOS,
  ...OUTSIDE_SCENARIOS,
];

/**
 * Which scenario each round plays: all of them in an order that the seed gives, then all again in another one.
 * @throws when there is none to choose from
 */
export function schedule(seed: number, rounds: number, scenarios: readonly Scenario[]): Scenario[] {
  if (scenarios.length === 0) throw new Error('no scenario has a name like that: see --only');
  const random = new Random(seed);
  const order: Scenario[] = [];
  while (order.length < rounds) order.push(...random.shuffled(scenarios));
  return order.slice(0, rounds);
}
