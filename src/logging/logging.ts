import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { hideCredentials } from './hide-credentials.ts';
import { contextFor } from './log-context.ts';

export type { Logger } from 'pino';

/** Fields that no log line shows, in any object. ioredis' errors carry the command that failed, AUTH's too. */
const SECRETS = [
  'req.headers.authorization',
  'req.headers.cookie',
  'req.headers["x-api-key"]',
  '*.authorization',
  '*["x-api-key"]',
  '*.password',
  'err.command',
  'err.cause.command',
];

/**
 * Makes a logger that writes one JSON line per entry, with the time in ISO 8601 and the context of the current work
 * (log-context.ts). Secrets are removed, also in the middle of a text.
 * @param name the kind of process: `api` or `worker`
 * @param output standard output by default
 */
export function createLogger(name: string, level: string, output?: NodeJS.WritableStream): Logger {
  const options = {
    name: `amiferry-${name}`,
    level,
    redact: SECRETS,
    mixin: (_line: object, _level: number, logger: Logger) => contextFor(logger),
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: { streamWrite: hideCredentials },
  };
  return pino(options, output ?? standardOutput());
}

/**
 * Options of child loggers whose own fields hold no secret of the service: searching fields takes longer than writing the line. A
 * credential that a caller put into the wrong place is removed from the text of the line.
 */
export const NO_SECRETS = { redact: [] };

/**
 * Writes the lines of one turn of the event loop together at its end: under load, one write per line would be a large part
 * of what a request costs. A killed process loses the lines of the current turn only. pino's own asynchronous destination
 * also loses lines of earlier turns, since it writes in another thread.
 */
function standardOutput(): DestinationStream & { flushSync(): void } {
  let lines = '';
  const flushSync = () => {
    const text = lines;
    lines = '';
    if (text !== '') process.stdout.write(text);
  };
  // When the reader of the log has closed the pipe (EPIPE), the process continues without a log.
  process.stdout.on('error', () => {});
  process.on('exit', flushSync);
  return {
    flushSync,
    write: (line) => {
      if (lines === '') setImmediate(flushSync);
      lines += line;
    },
  };
}

/** The shortest time between two warnings with the same message, milliseconds. */
const SPARINGLY = 10_000;

/**
 * Makes a handler that logs a recurring error, such as that of an unavailable Redis: the first time, then at most every ten
 * seconds with the number of errors left out in between. Stacks are never logged.
 */
export function warnSparingly(logger: Logger, message: string): (error: Error) => void {
  let last = Number.NEGATIVE_INFINITY;
  let leftOut = 0;
  return (error) => {
    if (performance.now() - last < SPARINGLY) {
      leftOut += 1;
      return;
    }
    logger.warn({ error: error.message, ...(leftOut > 0 && { leftOut }) }, message);
    last = performance.now();
    leftOut = 0;
  };
}
