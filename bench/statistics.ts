/** The median of some measurements, and the least and greatest of them. */
export interface Spread {
  median: number;
  low: number;
  high: number;
  runs: number;
}

/** The value below which that part (0–1) of the values lies, by the nearest rank. `NaN` of none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export function spread(values: readonly number[]): Spread {
  return {
    median: median(values),
    low: Math.min(...values),
    high: Math.max(...values),
    runs: values.length,
  };
}

/** Round by round, how many times the other side one side was: what slows a whole round down cancels out. */
export function ratios(ours: readonly number[], other: readonly number[]): Spread {
  return spread(ours.map((value, i) => value / (other[i] ?? Number.NaN)));
}

/** Rise of `y` for each unit of `x`, by least squares. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const covariance = mean(([x, y]) => (x - meanX) * (y - meanY));
  return covariance / mean(([x]) => (x - meanX) ** 2);
}

/** Runs the sides in turn, A B A B, so many times over: whatever drifts on the machine meets all alike. */
export async function alternate<Name extends string, T>(
  rounds: number,
  sides: Record<Name, () => Promise<T>>,
): Promise<Record<Name, T[]>> {
  const entries = Object.entries<() => Promise<T>>(sides);
  const results = Object.fromEntries(entries.map(([name]): [string, T[]] => [name, []])) as Record<Name, T[]>;
  for (let round = 0; round < rounds; round += 1)
    for (const [name, run] of entries) results[name as Name].push(await run());
  return results;
}
