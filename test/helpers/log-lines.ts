import { Writable } from 'node:stream';
import type { Logger } from '../../src/logging/logging.ts';
import { createLogger } from '../../src/logging/logging.ts';

/** The service's logger, and the lines that it wrote. */
export function logLines(level = 'trace'): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const output = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
  return { logger: createLogger('test', level, output), lines };
}
