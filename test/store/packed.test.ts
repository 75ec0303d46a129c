import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pack, unpack } from '../../src/store/packed.ts';

const LONG = 'a text that is long enough to be worth a place of its own in a packed value'.repeat(2);

test('what is packed is what it was, whatever it is', () => {
  const value = fc.jsonValue({ maxDepth: 4 });
  fc.assert(
    fc.property(fc.array(value), (some) => {
      const twice = { once: some, again: [{ deep: structuredClone(some) }, { texts: [LONG, some] }] };
      expect(unpack(pack(twice))).toEqual(JSON.parse(JSON.stringify(twice)));
    }),
  );
});

test('what is there many times is written once, and is one object when it is read', () => {
  const tags = () => ({ team: LONG, release: LONG });
  const many = { each: Array.from({ length: 100 }, (_, i) => ({ i, tags: tags() })) };
  const text = pack(many);
  expect(text.split(LONG)).toHaveLength(3);
  const read = unpack(text) as typeof many;
  expect(read).toEqual(many);
  expect(read.each[0]?.tags).toBe(read.each[99]?.tags);
});

test('a tag that is named as the place of a value stays a tag', () => {
  const tags = { $value: '0', other: LONG };
  const many = { each: [tags, tags, { $value: '1' }] };
  expect(unpack(pack(many))).toEqual(many);
});

test('a field without a value is left out, as in JSON', () => {
  expect(unpack(pack({ a: undefined, b: [undefined, LONG, { c: undefined }] }))).toEqual({
    b: [null, LONG, {}],
  });
});
