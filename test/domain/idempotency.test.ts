import { expect, test } from 'vitest';
import { fingerprint, jobIdOf, parseIdempotencyKey, scopedKey } from '../../src/domain/idempotency.ts';
import { JOB_ID_PATTERN } from '../../src/domain/job-id.ts';

test.each([
  ['bare', '8e03978e-40d5', '8e03978e-40d5'],
  ['quoted', '"8e03978e-40d5"', '8e03978e-40d5'],
  ['quoted, with an escaped quote', '"a\\"b"', 'a"b'],
  ['255 characters', 'k'.repeat(255), 'k'.repeat(255)],
  ['255 characters in quotes', `"${'k'.repeat(255)}"`, 'k'.repeat(255)],
])('%s is a key', (_name, header, key) => {
  expect(parseIdempotencyKey(header)).toBe(key);
});

test.each([
  ['nothing', ''],
  ['empty quotes', '""'],
  ['256 characters', 'k'.repeat(256)],
  ['a control character', 'a\tb'],
  ['a letter outside ASCII', 'schlüssel'],
  ['blanks round it', ' a '],
])('%s is none', (_name, header) => {
  expect(parseIdempotencyKey(header)).toBeNull();
});

test('a key belongs to its caller, and always makes the same job id', () => {
  expect(scopedKey('a', 'k')).not.toBe(scopedKey('b', 'k'));
  expect(jobIdOf('a', 'k', 0)).toMatch(new RegExp(JOB_ID_PATTERN));
  expect(jobIdOf('a', 'k', 0)).toBe(jobIdOf('a', 'k', 0));
  expect(jobIdOf('a', 'k', 0)).not.toBe(jobIdOf('ak', '', 0));
  expect(jobIdOf('a', 'k', 0)).not.toBe(jobIdOf('a', 'k', 1));
});

test('method, place and body make a request', () => {
  const one = fingerprint('POST', '/a', { b: 1 });
  expect(fingerprint('POST', '/a', { b: 1 })).toBe(one);
  expect(fingerprint('PUT', '/a', { b: 1 })).not.toBe(one);
  expect(fingerprint('POST', '/a?region=x', { b: 1 })).not.toBe(one);
  expect(fingerprint('POST', '/a', undefined)).not.toBe(one);
});
