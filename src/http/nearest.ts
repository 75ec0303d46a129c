/** The largest distance at which two words count as similar. */
const MAX_EDITS = 3;

/** Finds the word that `typed` is probably a misspelling of; `null` if none is similar. */
export function nearest(typed: string, words: readonly string[]): string | null {
  // Every known word is far shorter than this: a longer one is similar to none.
  if (typed.length > 64) return null;
  const ranked = words
    .map((word) => ({ word, edits: editDistance(typed.toLowerCase(), word.toLowerCase()) }))
    .filter(({ word, edits }) => edits <= Math.min(MAX_EDITS, Math.floor(word.length / 2)))
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.word ?? null;
}

/** Levenshtein distance: the number of letters to insert, delete or replace. */
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
