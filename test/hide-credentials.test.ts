import { expect, test } from 'vitest';
import { newApiKey } from '../src/auth/api-keys.ts';
import { hideCredentials } from '../src/logging/hide-credentials.ts';

const { secret, key } = newApiKey('ci', ['amis:read'], null);
const token = `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0ZXN0ZXIifQ.${'c2ln_-'.repeat(40)}`;

test.each([
  ['a key in a query', `/jobs?key=${secret}&limit=1`, `/jobs?key=amiferry_${key.id}_…&limit=1`],
  ['a key in a path', `/jobs/${secret}/cancel`, `/jobs/amiferry_${key.id}_…/cancel`],
  ['the beginning of a key', secret.slice(0, -12), `amiferry_${key.id}_…`],
  ['a token in a query', `/jobs?access_token=${token}`, '/jobs?access_token=eyJ…'],
  ['an encrypted token, of five parts', `"${token}.a.b"`, '"eyJ…"'],
  ['a token without a signature', token.slice(0, token.lastIndexOf('.') + 1), 'eyJ…'],
  ['both', `${secret} ${token}`, `amiferry_${key.id}_… eyJ…`],
])('%s', (_name, text, hidden) => {
  expect(hideCredentials(text)).toBe(hidden);
});

test.each([
  '{"name":"amiferry-api","amiferry:job":"019a0f2e-5d31-7c44-9f00-3b1c6a2f8e10"}',
  'key 3f9c0a77b210',
  'eyJust a word',
  'arn:aws:kms:us-east-1:111111111111:key/11111111-2222-3333-4444-555555555555',
])('%s is left', (text) => {
  expect(hideCredentials(text)).toBe(text);
});
