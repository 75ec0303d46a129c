/** Longer than any word that people write, and made of what keys and tokens are made of. */
const WORD = /[\w.~+/=-]{24,}/g;
const KEY = /(amiferry_[0-9a-f]{12}_)[\w-]+/g;
/** What the header of every JWT begins with in base64url: `{"`. */
const TOKEN = 'eyJ';

/**
 * Cuts API keys and tokens out of a text, wherever in it they are: callers put them into addresses and other places where
 * they don't belong, and what they sent is then logged, or told in an error. Of a key its id is left.
 */
export function hideCredentials(text: string): string {
  if (!text.includes(TOKEN) && !text.includes('amiferry_')) return text;
  return text.replaceAll(WORD, (word) => hideToken(word.replaceAll(KEY, '$1…')));
}

/** A token is three parts or more. */
function hideToken(word: string): string {
  const at = word.indexOf(TOKEN);
  return at >= 0 && word.split('.', 3).length === 3 ? `${word.slice(0, at)}${TOKEN}…` : word;
}
