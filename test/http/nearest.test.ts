import { expect, test } from 'vitest';
import { nearest } from '../../src/http/nearest.ts';

const FIELDS = [
  'name',
  'description',
  'encrypted',
  'kmsKeyId',
  'copyTags',
  'tags',
  'destinations',
  'onFailure',
];

test.each([
  ['destination', 'destinations'],
  ['Name', 'name'],
  ['kms_key_id', 'kmsKeyId'],
  ['encrypt', 'encrypted'],
  ['tag', 'tags'],
  ['colour', null],
  ['x', null],
  ['d'.repeat(10_000), null],
] as const)('%.20s is probably %s', (typed, meant) => {
  expect(nearest(typed, FIELDS)).toBe(meant);
});
