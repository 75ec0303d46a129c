/** More than a few wrong letters is another word. */
const MAX_EDITS = 3;

/** The word that `typed` probably stands for, or `null` where none is close. */
export function nearest(typed: string, words: readonly string[]): string | null {
  // The longest word there is has far fewer letters: what is longer is like none of them.
  if (typed.length > 64) return null;
  const ranked = words
    .map((word) => ({ word, edits: editDistance(typed.toLowerCase(), word.toLowerCase()) }))
    .filter(({ word, edits }) => edits <= Math.min(MAX_EDITS, Math.floor(word.length / 2)))
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.word ?? null;
}

/** Levenshtein's distance: how many letters have to be put in, left out or replaced. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
