import { pino } from 'pino';
import type { Logger } from 'pino';

export type { Logger } from 'pino';

/** Never to be seen in a log line, wherever they come in. */
const SECRETS = ['req.headers.authorization', 'req.headers.cookie', 'req.headers["x-api-key"]', '*.password'];

/** One JSON line an entry, secrets cut out. `name` tells the processes apart. */
export function createLogger(name: string, level: string): Logger {
  return pino({ name: `amiferry-${name}`, level, redact: SECRETS });
}
