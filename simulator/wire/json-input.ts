import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { AwsError } from '../errors.ts';

/**
 * Validates the request's JSON by a schema.
 * @throws AwsError SerializationException or ValidationException
 */
export function jsonInput<Schema extends TSchema>(schema: Schema, body: string): Static<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(body === '' ? '{}' : body);
  } catch {
    throw new AwsError('SerializationException', 'The body is not JSON');
  }
  if (Value.Check(schema, value)) return value;
  const [first] = Value.Errors(schema, value);
  throw new AwsError(
    'ValidationException',
    `1 validation error detected: ${first?.instancePath} ${first?.message}`,
  );
}
