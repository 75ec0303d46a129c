import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  nextPoll,
  pollIntervalFrom,
  progressInterval,
  steadyPollInterval,
} from '../../src/domain/next-poll.ts';

const pollInterval = pollIntervalFrom(5000);
const NOW = 10_000_000;

/** Seconds until the next look at one copy of such an age, which is expected to end in so many seconds. */
function nextIn(age: number, end: number | null = null): number {
  const copy = { startedAt: NOW - age * 1000, expectedAt: end === null ? null : NOW + end * 1000 };
  return (nextPoll([copy], NOW, pollInterval) - NOW) / 1000;
}

describe('a copy of which nothing tells when it ends', () => {
  test.each([
    [0, 5],
    [20, 5],
    [40, 10],
    [60, 15],
    [120, 30],
    [100_000, 30],
  ])('is looked at again, at an age of %i s, in %f s', (age, seconds) => {
    expect(nextIn(age)).toBe(seconds);
  });
});

describe('a copy whose progress tells when it ends', () => {
  test.each([
    ['long before', 600, 30],
    ['before', 40, 20],
    ['at', 0, 5],
    ['a moment after', -4, 5],
    ['after', -40, 20],
    ['long after', -600, 30],
  ])('is looked at again %s that time (in %i s) in %i s', (_, end, seconds) => {
    expect(nextIn(3600, end)).toBe(seconds);
  });

  test('is never looked at more rarely for it', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.integer({ min: -10_000, max: 10_000 }), (age, end) => {
        expect(nextIn(age, end)).toBeLessThanOrEqual(nextIn(age));
      }),
    );
  });
});

test('the copy that is to be looked at first decides for all', () => {
  const copies = [0, 100, 1000].map((age) => ({ startedAt: NOW - age * 1000, expectedAt: null }));
  expect(nextPoll(copies, NOW, pollInterval)).toBe(NOW + 5000);
  expect(nextPoll(copies.slice(1), NOW, pollInterval)).toBe(NOW + 25_000);
  expect(nextPoll([], NOW, pollInterval)).toBe(NOW + 30_000);
});

test('the longest time between two polls follows the shortest, up to that of the waiter', () => {
  expect(pollIntervalFrom(5000)).toEqual({ shortest: 5000, longest: 30_000 });
  expect(pollIntervalFrom(50)).toEqual({ shortest: 50, longest: 300 });
  expect(pollIntervalFrom(60_000)).toEqual({ shortest: 60_000, longest: 120_000 });
  expect(pollIntervalFrom(300_000)).toEqual({ shortest: 300_000, longest: 300_000 });
});

test('a steady interval is the same at any age', () => {
  const copies = [0, 1e9].map((age) => ({ startedAt: NOW - age, expectedAt: NOW }));
  for (const copy of copies) expect(nextPoll([copy], NOW, steadyPollInterval(30_000))).toBe(NOW + 30_000);
  expect(progressInterval(copies, NOW, steadyPollInterval(30_000), 1)).toBe(30_000);
});

test('progress is asked for at a part of the looks, by the youngest copy, and the more rarely the more calls it takes', () => {
  const interval = (ages: number[], calls: number) =>
    progressInterval(
      ages.map((age) => ({ startedAt: NOW - age * 1000, expectedAt: null })),
      NOW,
      pollInterval,
      calls,
    ) / 1000;
  expect(interval([5], 1)).toBe(10);
  expect(interval([40], 1)).toBe(20);
  expect(interval([40, 3600], 1)).toBe(20);
  expect(interval([3600], 1)).toBe(30);
  expect(interval([3600], 5)).toBe(150);
});
