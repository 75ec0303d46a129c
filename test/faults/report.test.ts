import { expect, test } from 'vitest';
import type { RoundResult } from './report.ts';
import { report, shortcomings } from './report.ts';
import { SCENARIOS } from './schedule.ts';

const scenario = SCENARIOS.find(({ kind }) => kind === 'fault');
if (scenario === undefined) throw new Error('there is no fault scenario');
const round = (brokenOff: string | null): RoundResult => {
  return { round: 0, scenario, findings: [], hits: 1, brokenOff, took: 1000 };
};

test('a round that was broken off is in the table, and makes the run fail', () => {
  const results = [round(null), round('api is not ready')];
  expect(report([scenario], results, [])).toContain('2 rounds, 1 broken off: 0 exposed, 0 lost');
  expect(shortcomings([scenario], results, [])).toEqual([
    '1 rounds were broken off: the harness could not play them to their end',
  ]);
  expect(shortcomings([scenario], [round(null)], [])).toEqual([]);
});
