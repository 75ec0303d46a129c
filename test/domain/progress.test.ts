import { expect, test } from 'vitest';
import { etaSeconds, leastProgress, secondsLeft, weightedProgress } from '../../src/domain/progress.ts';

test('progress is weighted by size', () => {
  const progress = weightedProgress([
    { progress: 100, sizeGiB: 10 },
    { progress: 0, sizeGiB: 90 },
  ]);
  expect(progress).toBe(10);
});

test('nothing seen yet is 0, an unknown size still counts, and it stays within 0 and 100', () => {
  expect(weightedProgress([])).toBe(0);
  expect(weightedProgress([{ progress: 50, sizeGiB: 0 }])).toBe(50);
  expect(weightedProgress([{ progress: 140, sizeGiB: 8 }])).toBe(100);
});

test('a copy is done when the last of its snapshots is', () => {
  expect(leastProgress([])).toBe(0);
  expect(leastProgress([{ progress: 100 }, { progress: 30 }, { progress: 60 }])).toBe(30);
  expect(leastProgress([{ progress: 140 }])).toBe(100);
});

test('the ETA goes on at the pace so far, and is null without one', () => {
  expect(etaSeconds(0, 0, 60_000)).toBeNull();
  expect(etaSeconds(25, null, 60_000)).toBeNull();
  expect(etaSeconds(25, 0, 60_000)).toBe(180);
  // A clock that runs backwards gives no ETA rather than a negative one.
  expect(etaSeconds(25, 60_000, 0)).toBeNull();
});

test('what is left counts down between two polls, not below 0, and not where nothing or nothing more is expected', () => {
  const one = { etaSeconds: 60, expectedAt: 100_000 };
  expect(secondsLeft(one, 40_000)).toBe(60);
  expect(secondsLeft(one, 70_500)).toBe(30);
  expect(secondsLeft(one, 200_000)).toBe(0);
  expect(secondsLeft({ ...one, etaSeconds: null }, 40_000)).toBeNull();
  expect(secondsLeft({ ...one, etaSeconds: 0 }, 40_000)).toBe(0);
  expect(secondsLeft({ etaSeconds: 60, expectedAt: null }, 70_500)).toBe(60);
});
