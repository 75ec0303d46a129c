/**
 * Calls `work` for each item, for at most `limit` items at a time, and returns the results in the order of the items. It rejects with
 * the first error; items that remain are still worked on then.
 */
export async function mapAtMost<T, R>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  // All lanes take their next item from this one iterator.
  const remaining = items.entries();
  const lane = async () => {
    for (const [i, item] of remaining) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}
