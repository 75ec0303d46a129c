import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientToken } from '../../src/domain/copy-token.ts';

test('is what EC2 takes, always the same for one attempt, and another for any other', () => {
  expect(clientToken('job', 'eu-west-1', 1)).toBe(clientToken('job', 'eu-west-1', 1));
  expect(clientToken('job', 'eu-west-1', 1)).toMatch(/^[\x21-\x7e]{1,64}$/);
  const parts = fc.tuple(
    fc.uuid(),
    fc.constantFrom('eu-west-1', 'us-west-2'),
    fc.integer({ min: 1, max: 99 }),
  );
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      expect(clientToken(...a) === clientToken(...b)).toBe(a.join() === b.join());
    }),
  );
});
