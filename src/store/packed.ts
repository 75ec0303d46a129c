/** In a packed text, the name of a reference to `values`. A reference holds a number; no value of a caller under this name can be one. */
const PLACE = '$value';

/** A value with fewer characters is not put into `values`; of one with more, its parts are. */
const WORTH = { least: 128, most: 2 ** 20 };

/**
 * A value as JSON in which each repeated part is written once: `{"values": [...], "packed": ...}`, with `{"$value": index}` in each of
 * its places. What a request says for all its destinations is repeated in each of them.
 */
export function pack(value: object): string {
  const { texts, repeated } = textsOf(value);
  const places = new Map<string, number>();
  const write = (one: unknown): string => {
    if (!isObject(one)) return JSON.stringify(one) ?? 'null';
    const text = texts.get(one) ?? '';
    if (!repeated.has(text)) return composed(one, write);
    const place = places.get(text) ?? places.size;
    places.set(text, place);
    return `{"${PLACE}":${place}}`;
  };
  const packed = write(value);
  return `{"values":[${[...places.keys()].join(',')}],"packed":${packed}}`;
}

/** The JSON of every object in a value, and which of these texts occur more than once. */
function textsOf(value: object): { texts: Map<object, string>; repeated: Set<string> } {
  const texts = new Map<object, string>();
  const seen = new Set<string>();
  const repeated = new Set<string>();
  const note = (text: string) => {
    if (text.length < WORTH.least || text.length > WORTH.most) return;
    if (seen.has(text)) repeated.add(text);
    seen.add(text);
  };
  const textOf = (one: unknown): string => {
    if (!isObject(one)) return JSON.stringify(one) ?? 'null';
    const text = texts.get(one) ?? composed(one, textOf);
    texts.set(one, text);
    note(text);
    return text;
  };
  textOf(value);
  return { texts, repeated };
}

/** The JSON of an object or array, made of the JSON of its parts. */
function composed(one: object, textOf: (part: unknown) => string): string {
  if (Array.isArray(one)) return `[${one.map(textOf).join(',')}]`;
  const known = Object.entries(one).filter(([, part]) => part !== undefined);
  return `{${known.map(([name, part]) => `${JSON.stringify(name)}:${textOf(part)}`).join(',')}}`;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** The value of a text of {@link pack}. A part that is written once becomes one object in memory. */
export function unpack(text: string): unknown {
  const { values, packed }: { values: unknown[]; packed: unknown } = JSON.parse(text);
  const read = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(read);
    if (!isObject(one)) return one;
    if (PLACE in one && typeof one[PLACE] === 'number') return values[one[PLACE]];
    return Object.fromEntries(Object.entries(one).map(([name, part]) => [name, read(part)]));
  };
  return read(packed);
}
