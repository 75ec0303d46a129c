import { ConfigError } from '../errors.ts';

/** A setting, whose value is an environment variable. */
export interface Setting<Value extends number | string> {
  default: Value;
  description: string;
  /** Parses a value; `undefined` if it is invalid. */
  parse(given: string): Value | undefined;
  /** What a valid value is, as `must …`. */
  rule: string;
}

type Range = { default: number; minimum: number; maximum: number; description: string };

const numeric = (kind: string, isGood: (value: number) => boolean) => {
  return ({ minimum, maximum, ...rest }: Range): Setting<number> => ({
    ...rest,
    rule: `must be a ${kind} from ${minimum} to ${maximum}`,
    parse: (given) => {
      const value = given.trim() === '' ? Number.NaN : Number(given);
      return isGood(value) && value >= minimum && value <= maximum ? value : undefined;
    },
  });
};
export const number = numeric('number', Number.isFinite);
export const integer = numeric('whole number', Number.isInteger);

export const text = (one: {
  pattern: string;
  default: string;
  description: string;
  rule?: string;
}): Setting<string> => ({
  default: one.default,
  description: one.description,
  rule: one.rule ?? `must match the pattern ${one.pattern}`,
  parse: (given) => (new RegExp(one.pattern).test(given) ? given : undefined),
});

/** Settings whose values may contain secrets, and are never shown in messages. */
const SECRET = new Set([
  'REDIS_URL',
  'WEBHOOK_SECRETS',
  'WEBHOOK_URLS',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
]);

/** Reads the value of a setting, or its default. @throws {ConfigError} if it is invalid */
export function readSetting(
  name: string,
  setting: Setting<number> | Setting<string>,
  given: string | undefined,
): unknown {
  if (given === undefined || given === '') return setting.default;
  const value = setting.parse(given);
  if (value !== undefined) return value;
  const shown = SECRET.has(name) ? '' : `="${given}"`;
  throw new ConfigError(`${name}${shown} is invalid: it ${setting.rule}. It is the ${setting.description}.`);
}
