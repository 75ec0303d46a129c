/** A word of the characters of keys and tokens, longer than words of prose. */
const WORD = /[\w.~+/=-]{24,}/g;
const KEY = /(amiferry_[0-9a-f]{12}_)[\w-]+/g;
/** The beginning of every JWT: `{"` in base64url. */
const TOKEN = 'eyJ';

/**
 * Removes API keys and tokens from a text, except the id of a key. Callers put them into addresses and other wrong places, from which
 * they would get into logs and error messages.
 */
export function hideCredentials(text: string): string {
  if (!text.includes(TOKEN) && !text.includes('amiferry_')) return text;
  return text.replaceAll(WORD, (word) => hideToken(word.replaceAll(KEY, '$1…')));
}

/** Removes a token, which has three or more parts separated by dots. */
function hideToken(word: string): string {
  const at = word.indexOf(TOKEN);
  return at >= 0 && word.split('.', 3).length === 3 ? `${word.slice(0, at)}${TOKEN}…` : word;
}
