import { ConfigError } from '../errors.ts';

/** A setting, which an environment variable gives. */
export interface Setting<Value extends number | string> {
  default: Value;
  description: string;
  /** What a value that was given stands for; `undefined` where it is invalid. */
  parse(given: string): Value | undefined;
  /** What a good value has to be. */
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

/** Their values hold secrets, or may, and are never repeated. */
const SECRET = new Set([
  'REDIS_URL',
  'WEBHOOK_SECRETS',
  'WEBHOOK_URLS',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
]);

/** The value of a setting, or its default where none is given. @throws {ConfigError} */
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
