import fc from 'fast-check';
import type { OpenApi } from '../http/document.ts';
import { operationsOf } from '../http/document.ts';
import type { Components, Schema } from './from-schema.ts';
import { fromSchema } from './from-schema.ts';
import { mutated, RAW_BODIES, TEXT_JUNK } from './mutations.ts';

/** A request as it goes over the wire. */
export interface FuzzRequest {
  method: string;
  /** The path as the document has it, for the report. */
  route: string;
  url: string;
  headers: Record<string, string>;
  payload: string | undefined;
  /** It may answer with a stream that does not end. */
  streams: boolean;
}

type Operation = ReturnType<typeof operationsOf>[number];
type Parameter = NonNullable<Operation['operation']['parameters']>[number];

/** Requests of every route: as the document wants them, and with one thing or another not so. */
export function requestsOf(document: OpenApi, jobs: readonly string[]): fc.Arbitrary<FuzzRequest> {
  const components = document.components.schemas as Components;
  return fc.oneof(...operationsOf(document).map((one) => requestOf(one, components, jobs)));
}

function requestOf(
  one: Operation,
  components: Components,
  jobs: readonly string[],
): fc.Arbitrary<FuzzRequest> {
  const { method, path: route, operation } = one;
  const streams = Object.hasOwn(operation.responses['200']?.content ?? {}, 'text/event-stream');
  const parts = {
    path: pathOf(one, jobs),
    query: queryOf(one),
    headers: headersOf(one),
    body: bodyOf(one, components),
  };
  return fc.record(parts).map(({ path, query, headers, body }) => ({
    method: method.toUpperCase(),
    route,
    url: query === '' ? path : `${path}?${query}`,
    headers: { ...headers, ...body?.headers },
    payload: body?.payload,
    streams,
  }));
}

/** Mostly right, so that most requests get past the first check. */
const mostly = <T>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 7, arbitrary: right }, { weight: 1, arbitrary: wrong });

const parametersIn = ({ operation }: Operation, place: string) =>
  (operation.parameters ?? []).filter((one) => one.in === place);

function valueOf(parameter: Parameter): fc.Arbitrary<string> {
  const made = fromSchema(parameter.schema as Schema, {}).map(String);
  const { example } = parameter;
  return mostly(example === undefined ? made : mostly(fc.constant(example), made), TEXT_JUNK);
}

/** Encoded, unless it is encoded already: `..%2f` is to arrive as it is. */
const encoded = (text: string) =>
  /%[0-9a-f]{2}/i.test(text) ? encodeURI(decodeSafely(text)) : encodeURIComponent(text);
const decodeSafely = (text: string) => text.replaceAll(/[^\x21-\x7e]/g, '');

/** Every URL parser takes these out of a path: another route is asked for then. */
const isDots = (text: string) => /^\.{1,2}$/.test(text);

function pathOf(one: Operation, jobs: readonly string[]): fc.Arbitrary<string> {
  const parameters = parametersIn(one, 'path');
  const values = parameters.map((parameter) => {
    const value = valueOf(parameter).filter((text) => !isDots(text));
    return parameter.name === 'id' ? fc.oneof(fc.constantFrom(...jobs), value) : value;
  });
  return fc
    .tuple(...values)
    .map((chosen) =>
      parameters.reduce(
        (path, { name }, i) => path.replace(`{${name}}`, () => encoded(chosen[i] ?? '')),
        one.path,
      ),
    );
}

function queryOf(one: Operation): fc.Arbitrary<string> {
  const own = parametersIn(one, 'query').map((parameter) =>
    fc.tuple(fc.constant(parameter.name), valueOf(parameter)),
  );
  const pairs = fc.tuple(...own.map((pair) => fc.option(pair, { nil: null, freq: 2 })));
  const extra = fc.option(fc.tuple(TEXT_JUNK, TEXT_JUNK), { nil: null, freq: 15 });
  const repeats = mostly(fc.constant(false), fc.constant(true));
  return fc.tuple(pairs, extra, repeats).map(([chosen, more, twice]) => {
    const all = [...chosen, more].filter((pair) => pair !== null);
    const repeated = twice ? all.slice(0, 1) : [];
    return [...all, ...repeated].map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
  });
}

/** No `wait` that holds the answer back: there is no worker to end the job. */
const HEADERS: Record<string, fc.Arbitrary<string>> = {
  prefer: fc.constantFrom('wait=0', 'wait=x', 'wait', 'respond-async', 'wait="0"', ',,,', 'wait=0, wait=30'),
  'idempotency-key': fc.oneof(fc.constantFrom('k', '"k"', '"', 'x'.repeat(300)), fc.uuid()),
  'last-event-id': fc.constantFrom('0-0', '1-1', '9999999999999-0', 'abc', ''),
};

function headersOf(one: Operation): fc.Arbitrary<Record<string, string>> {
  const names = parametersIn(one, 'header').map(({ name }) => name.toLowerCase());
  const known = names.filter((name) => Object.hasOwn(HEADERS, name));
  const own = known.map((name) => fc.option((HEADERS[name] ?? TEXT_JUNK).map((value) => [name, value])));
  return fc.tuple(...own).map((chosen) => Object.fromEntries(chosen.filter((pair) => pair !== null)));
}

interface Body {
  payload: string;
  headers: Record<string, string>;
}

function bodyOf({ operation }: Operation, components: Components): fc.Arbitrary<Body | undefined> {
  const schema = operation.requestBody?.content['application/json']?.schema as Schema | undefined;
  // A body that a route does not take is refused.
  if (schema === undefined) return mostly(fc.constant(undefined), RAW_BODIES.map(json));
  const example = components[schema.$ref?.split('/').at(-1) ?? '']?.examples ?? [];
  const right = fc.oneof(...example.map((one) => fc.constant(one)), fromSchema(schema, components));
  const type = fc.constantFrom(
    'text/plain',
    'application/xml',
    'multipart/form-data',
    'application/json; charset=x',
  );
  return fc.oneof(
    { weight: 8, arbitrary: right.map((value) => json(JSON.stringify(value))) },
    { weight: 5, arbitrary: right.chain(mutated).map((value) => json(JSON.stringify(value) ?? '')) },
    { weight: 1, arbitrary: RAW_BODIES.map(json) },
    { weight: 1, arbitrary: type.map((one) => ({ payload: '{}', headers: { 'content-type': one } })) },
  );
}

function json(payload: string): Body {
  return { payload, headers: { 'content-type': 'application/json' } };
}
