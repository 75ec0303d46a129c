import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { hideCredentials } from './hide-credentials.ts';
import { contextFor } from './log-context.ts';

export type { Logger } from 'pino';

/** Never to be seen in a log line, wherever they come in. ioredis' errors carry the command that failed, AUTH's too. */
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
 * One JSON line an entry with its time in ISO 8601, secrets cut out, also in the middle of a text. It says what the current work is about; `name` tells
 * the processes apart.
 */
export function createLogger(name: string, level: string, output?: NodeJS.WritableStream): Logger {
  const mixin = (_line: object, _level: number, logger: Logger) => contextFor(logger);
  const timestamp = pino.stdTimeFunctions.isoTime;
  const options = { name: `amiferry-${name}`, level, redact: SECRETS, mixin, timestamp };
  return pino(options, output === undefined ? standardOutput() : hidingOutput(output));
}

function hidingOutput(output: NodeJS.WritableStream): DestinationStream {
  return { write: (line) => void output.write(hideCredentials(line)) };
}

/**
 * Of child loggers whose fields hold no secret of ours: looking for one takes longer than writing the line. What a caller puts
 * where it does not belong is looked for when the line is written.
 */
export const NO_SECRETS = { redact: [] };

/**
 * Writes the lines of one turn of the event loop together at its end: under load a write for each line is a good part of
 * what a request costs. A process that is killed loses the lines of that turn.
 */
function standardOutput(): DestinationStream & { flushSync(): void } {
  let lines = '';
  const flushSync = () => {
    const text = lines;
    lines = '';
    if (text !== '') process.stdout.write(hideCredentials(text));
  };
  // The reader of the log has gone: that is no reason to stop.
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

/** The same warning at most so often, milliseconds. */
const SPARINGLY = 10_000;

/**
 * Warns of an error that comes again and again while something is away: the first time, and then every ten seconds with
 * the number of those left out, without their stacks.
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
