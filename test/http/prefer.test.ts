import { expect, test } from 'vitest';
import { preferredWait } from '../../src/http/prefer.ts';

test.each([
  ['wait=10', 10],
  ['WAIT=10', 10],
  ['wait = 10', 10],
  ['wait="10"', 10],
  ['wait=0', 0],
  ['wait=31', 30],
  ['wait=999999999', 30],
  ['respond-async, wait=5', 5],
  ['wait=5, respond-async', 5],
  ['wait=5; foo=bar', 5],
  ['return=minimal; foo="wait=3", wait=7', 7],
  ['wait=5, wait=9', 5],
] as const)('%s asks to wait %i s', (header, seconds) => {
  expect(preferredWait(header)).toBe(seconds);
});

test.each([
  '',
  'wait',
  'wait=',
  'wait=soon',
  'wait=-1',
  'wait=1.5',
  'wait=1 2',
  'wait="5',
  'await=5',
  'wait=soon, wait=5',
  'respond-async',
])('%j asks for nothing that can be read', (header) => {
  expect(preferredWait(header)).toBeNull();
});

test('several headers are one list', () => {
  expect(preferredWait(['respond-async', 'wait=4'])).toBe(4);
  expect(preferredWait(undefined)).toBeNull();
});
