import { expect, test } from 'vitest';
import { mapAtMost } from '../../src/domain/at-most.ts';

test('no more than the limit are worked on at a time, and the results are in order', async () => {
  const open: { item: number; end: () => void }[] = [];
  const done = mapAtMost(2, [1, 2, 3, 4], (item) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    open.push({ item, end: () => resolve(`result ${item}`) });
    return promise;
  });
  expect(open.map(({ item }) => item)).toEqual([1, 2]);
  open[1]?.end();
  await expect.poll(() => open.map(({ item }) => item)).toEqual([1, 2, 3]);
  open[2]?.end();
  await expect.poll(() => open.length).toBe(4);
  open[0]?.end();
  open[3]?.end();
  expect(await done).toEqual(['result 1', 'result 2', 'result 3', 'result 4']);
});

test('the error of an item rejects', async () => {
  const work = async (item: number) => {
    if (item === 2) throw new Error('no');
    return item;
  };
  await expect(mapAtMost(10, [1, 2, 3], work)).rejects.toThrow('no');
});

test('no items give no results', async () => {
  expect(await mapAtMost(10, [], async () => 1)).toEqual([]);
});
