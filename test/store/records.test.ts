import { expect, test } from 'vitest';
import type { CopyJob } from '../../src/domain/job.ts';
import { parseJob, serialiseJob } from '../../src/store/records.ts';
import { copyJob } from '../helpers/copy-job.ts';

const tags = (count: number, letters: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key-${i}`, `${i}`.padEnd(letters, 'v')]));

function jobWith(destinations: number, spec: Partial<CopyJob['destinations'][number]['spec']>): CopyJob {
  const regions = Array.from({ length: destinations }, (_, i) => `eu-west-${i + 1}`);
  const job = copyJob({}, regions);
  return {
    ...job,
    destinations: job.destinations.map((one) => ({ ...one, spec: { ...one.spec, ...spec } })),
  };
}

test('50 destinations with 50 tags: the record has the tags once, and comes back as it was', () => {
  const job = jobWith(50, { tags: tags(50, 256), description: 'd'.repeat(255) });
  const json = serialiseJob(job, true);
  expect(JSON.stringify(job).length).toBeGreaterThan(600_000);
  expect(json.length).toBeLessThan(80_000);
  const read = parseJob(json);
  expect(read).toEqual({ ...job, common: expect.anything() });
  expect(serialiseJob(read, false).length).toBe(json.length);
  expect(parseJob(serialiseJob(read, false))).toEqual(read);
});

test('what a destination says itself stays its own', () => {
  const job = jobWith(50, { tags: tags(50, 256), description: 'common' });
  const own = { ...job.destinations[7]?.spec, tags: { only: 'here' }, description: null } as never;
  const destinations = job.destinations.map((one, i) => (i === 7 ? { ...one, spec: own } : one));
  const changed = { ...job, destinations };
  const json = serialiseJob(changed, true);
  expect(json.length).toBeLessThan(80_000);
  expect(parseJob(json)).toEqual({ ...changed, common: expect.anything() });
});

test('a record that repeats little is written as earlier versions read it', () => {
  const job = jobWith(50, { tags: tags(3, 20) });
  expect(serialiseJob(job, true)).toBe(JSON.stringify(job));
});

test('a record of an earlier version, with the tags in each destination, is read and written as it is', () => {
  const job = jobWith(50, { tags: tags(50, 256) });
  const json = JSON.stringify(job);
  expect(parseJob(json)).toEqual(job);
  expect(parseJob(serialiseJob(parseJob(json), false))).toEqual(job);
  expect(serialiseJob(job, false)).toBe(json);
});

test('a write of an earlier version, which keeps what it does not know, loses no tags', () => {
  const job = jobWith(50, { tags: tags(50, 256) });
  const { destinations, ...rest } = JSON.parse(serialiseJob(job, true));
  const written = {
    ...rest,
    version: 2,
    destinations: destinations.map((one: object) => ({ ...one, progress: 7 })),
  };
  expect(parseJob(JSON.stringify(written))).toEqual({
    ...job,
    common: expect.anything(),
    version: 2,
    destinations: job.destinations.map((one) => ({ ...one, progress: 7 })),
  });
});
