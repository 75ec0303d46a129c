/** Which test failed how often, most often first, and how many runs passed. */
export function tally(runs: readonly { failed: readonly { name: string }[] }[]): string {
  const counts = new Map<string, number>();
  for (const { name } of runs.flatMap(({ failed }) => failed)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const green = runs.filter(({ failed }) => failed.length === 0).length;
  return [
    ...[...counts]
      .toSorted(([, a], [, b]) => b - a)
      .map(([name, count]) => `failed ${count} of ${runs.length} times: ${name}`),
    `${green} of ${runs.length} runs passed`,
  ].join('\n');
}
