import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** An invalid control request: status 400 or 404. */
export class ControlError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ControlError';
    this.status = status;
  }
}

/**
 * Validates a body by a schema.
 * @throws ControlError 400 that names what is wrong, and where
 */
export function parse<Schema extends TSchema>(schema: Schema, body: string): Static<Schema> {
  const value = json(body);
  if (Value.Check(schema, value)) return value;
  const errors = Value.Errors(schema, value)
    .filter(({ keyword }) => keyword !== 'boolean') // repeats additionalProperties with a less useful message
    .map((error) => {
      const names =
        error.keyword === 'additionalProperties' ? `: ${error.params.additionalProperties.join(', ')}` : '';
      return `${error.instancePath === '' ? 'body' : error.instancePath} ${error.message}${names}`;
    });
  throw new ControlError(400, errors.join('; '));
}

function json(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new ControlError(400, 'The body is not JSON');
  }
}
