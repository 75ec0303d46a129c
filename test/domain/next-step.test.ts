import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DESTINATION_STATES } from '../../src/domain/job.ts';
import { dueSteps, nextDue } from '../../src/domain/next-step.ts';
import { UNTOUCHED } from '../../src/domain/retry-transitions.ts';
import { copyJob } from '../helpers/copy-job.ts';

const time = fc.integer({ min: 0, max: 100_000 });

const destination = fc.record({
  state: fc.constantFrom(...DESTINATION_STATES),
  attempts: fc.integer({ min: 1, max: 2 }),
  startedAt: fc.option(time),
  stopping: fc.option(fc.constantFrom('cancel' as const, 'rollback' as const)),
});

test('a job is due by its index exactly when a step of it is due by its record', () => {
  fc.assert(
    fc.property(fc.array(destination, { minLength: 1, maxLength: 3 }), time, (destinations, now) => {
      const base = copyJob({}, ['eu-west-1', 'us-west-2', 'sa-east-1'].slice(0, destinations.length));
      const job = {
        ...base,
        destinations: base.destinations.map((one, i) => ({ ...UNTOUCHED, ...one, ...destinations[i] })),
      };
      expect(nextDue(job) <= now).toBe(dueSteps(job, now).length > 0);
    }),
  );
});

test('a copy that EC2 works on, or that stands in line, is never due by itself', () => {
  const job = copyJob({});
  for (const state of ['pending', 'waiting', 'succeeded'] as const) {
    const destinations = job.destinations.map((one) => ({ ...one, state, startedAt: 1 }));
    expect(nextDue({ ...job, destinations })).toBe(Infinity);
  }
  expect(nextDue(job)).toBe(0);
});
