import fc from 'fast-check';

/** One value somewhere in a JSON value replaced, dropped, added to or turned into text: nearly right is the best wrong. */
export function mutated(value: unknown): fc.Arbitrary<unknown> {
  return fc.oneof(
    JUNK,
    fc.tuple(fc.nat(), JUNK).map(([place, junk]) => changeAt(value, place, () => junk)),
    fc.nat().map((place) => changeAt(value, place, (one) => JSON.stringify(one))),
    fc.nat().map((place) => changeAt(value, place, (one) => [one, one])),
    fc
      .tuple(fc.nat(), KEYS, JUNK)
      .map(([place, key, junk]) =>
        changeAt(value, place, (one) => (isObject(one) ? { ...one, [key]: junk } : junk)),
      ),
    fc.tuple(fc.nat(), fc.nat()).map(([place, key]) => changeAt(value, place, (one) => without(one, key))),
  );
}

const KEYS = fc.oneof(
  fc.constantFrom(
    'constructor',
    'toString',
    'length',
    'regoin',
    '',
    'destinations',
    'region',
    '$ref',
    '__proto',
  ),
  fc.string(),
);

const JUNK: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    'true',
    0,
    -1,
    1e308,
    '',
    [],
    {},
    '\u0000',
    '\ud800',
    'x'.repeat(5000),
  ),
  fc.constantFrom(
    'US-EAST-1',
    'evil.com/#',
    '../../etc/passwd',
    'ami-',
    '2222222222222',
    '$(id)',
    "' OR 1=1 --",
  ),
  fc.jsonValue(),
);

/** What stands in a path, a query or a header. Nothing that no HTTP client could send. */
export const TEXT_JUNK = fc.oneof(
  fc.constantFrom(
    '..%2f',
    '%00',
    '%ff',
    '%',
    'a%2fb',
    'null',
    'undefined',
    '-1',
    '1e9',
    '[]',
    '{}',
    '*',
    'true',
  ),
  fc.string({ unit: fc.constantFrom(...'abcXYZ0129-_.~:@!$&()*+,;= %"<>\\^`{|}'), maxLength: 60 }),
);

/** Bodies that are not even JSON, or not what their Content-Type says. */
export const RAW_BODIES = fc.constantFrom(
  '',
  ' ',
  '{',
  '[]]',
  'nul',
  '"',
  '{"a":1,}',
  "{'a':1}",
  '{"__proto__":{"public":true}}',
  '{"destinations":[{"region":"eu-west-1","__proto__":{"x":1}}]}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"public":false,"public":true}',
  '\ufeff{}',
  '['.repeat(5000),
  `{"description":"${'x'.repeat(70_000)}"}`,
);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function without(value: unknown, index: number): unknown {
  if (!isObject(value)) return undefined;
  const keys = Object.keys(value);
  const gone = keys[index % Math.max(keys.length, 1)];
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== gone));
}

/** Changes the `place`-th value of a JSON value, counted through all of it. */
function changeAt(value: unknown, place: number, change: (one: unknown) => unknown): unknown {
  const total = count(value);
  let next = 0;
  const walk = (one: unknown): unknown => {
    const here = next === place % total;
    next += 1;
    if (here) return change(one);
    if (Array.isArray(one)) return one.map(walk);
    return isObject(one)
      ? Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, walk(inner)]))
      : one;
  };
  return walk(value);
}

function count(value: unknown): number {
  const inner = typeof value === 'object' && value !== null ? Object.values(value) : [];
  return inner.reduce<number>((sum, one) => sum + count(one), 1);
}
