import { expect, test } from 'vitest';
import { tally } from './tally.ts';

const B = { name: 'b' };

test('a tally names each test that failed, the most frequent first', () => {
  const runs = [{ failed: [B] }, { failed: [{ name: 'a' }, B] }, { failed: [] }];
  expect(tally(runs).split('\n')).toEqual([
    'failed 2 of 3 times: b',
    'failed 1 of 3 times: a',
    '1 of 3 runs passed',
  ]);
});
