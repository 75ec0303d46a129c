import { expect, test } from 'vitest';
import { slotLimitIn } from '../../src/domain/slot-limits.ts';

test.each([
  [
    'Too many snapshot copies in progress. The limit is 20 in-progress snapshot copies to a single destination region.',
    20,
  ],
  ['Copy image failed: too many snapshot copies in progress; the limit is 5.', 5],
  ['You have exceeded the number of in-progress snapshot copies for this region', null],
  ['The maximum number of concurrent snapshot copies has been reached (20).', null],
  ['You have exceeded the maximum number of 20 concurrent AMI copies into eu-west-1', null],
  ['ResourceLimitExceeded: snapshot copy', null],
  ['ConcurrentSnapshotCopyLimitExceeded', null],
  ['Only 20 snapshots can be copied at a time: limit exceeded', null],
])('EC2 has no room for copies at once: %s', (reason, copies) => {
  expect(slotLimitIn(reason)).toMatchObject({ of: 'copies' });
  expect(slotLimitIn(reason)?.copies ?? copies).toBe(copies ?? slotLimitIn(reason)?.copies);
});

test.each([
  'The time-based copy would exceed the cumulative throughput quota of 2,000 MiB/s',
  'Snapshot copy throughput limit exceeded',
])('EC2 has no throughput for time-based copies: %s', (reason) => {
  expect(slotLimitIn(reason)).toEqual({ of: 'throughput', copies: null });
});

test.each([
  'Copy image failed with an internal error',
  'Given key ID is not accessible. You must have DescribeKey permissions on the default CMK',
  'The maximum number of snapshots (100000) has been reached',
  'You have exceeded your snapshot quota',
  'The copy was cancelled while in progress',
  'no',
  '',
])('any other reason is final: %s', (reason) => {
  expect(slotLimitIn(reason)).toBeNull();
});
