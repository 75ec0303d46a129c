import { expect } from 'vitest';

/** An SDK error of that code, with a message like that. */
export function refused(name: string, message: RegExp = /./): object {
  return expect.objectContaining({ name, message: expect.stringMatching(message) });
}
