import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const url = (env: Record<string, string>) => readConfig(env).tracing?.url ?? null;

test.each([
  ['nothing', {}],
  ['a service name alone', { OTEL_SERVICE_NAME: 'images' }],
  ['OTEL_SDK_DISABLED', { [ENDPOINT]: 'http://collector:4318', OTEL_SDK_DISABLED: 'true' }],
  ['OTEL_TRACES_EXPORTER=none', { [ENDPOINT]: 'http://collector:4318', OTEL_TRACES_EXPORTER: 'none' }],
])('no traces with %s', (_name, env) => {
  expect(readConfig(env).tracing).toBeNull();
});

test.each([
  ['the base address', { [ENDPOINT]: 'http://collector:4318' }, 'http://collector:4318/v1/traces'],
  [
    'a base address with a path',
    { [ENDPOINT]: 'https://c.example/otlp/' },
    'https://c.example/otlp/v1/traces',
  ],
  [
    'an address for traces',
    { [ENDPOINT]: 'http://other:1', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/mine' },
    'http://collector:4318/mine',
  ],
  ['no address', { OTEL_TRACES_EXPORTER: 'otlp' }, 'http://localhost:4318/v1/traces'],
])('traces go where %s says', (_name, env, expected) => {
  expect(url(env)).toBe(expected);
});

test('what this service can not do stops the start, and says so without the address', () => {
  expect(() => readConfig({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toThrow(/grpc.*http\/protobuf/s);
  expect(() => readConfig({ [ENDPOINT]: 'ftp://user:hidden@collector' })).toThrow(/^((?!hidden).)*$/s);
});
