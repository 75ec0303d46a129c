import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ErrorCode } from '../errors.ts';
import { AmiferryError, ERRORS } from '../errors.ts';
import { PROBLEM_JSON, problemOf } from './problem.ts';

/** Errors of Node's HTTP parser, by their codes. */
const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers-too-large', 'send at most 16 KiB of headers, the path included'],
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'send headers and body without pauses'],
};

const MALFORMED: readonly [ErrorCode, string] = ['bad-request', 'this is not HTTP/1.1 (RFC 9112)'];

/** Answers bytes that are no valid HTTP request and so reach no route: the answer is written directly to the socket. */
export function answerClientError(error: Error & { code: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [code, detail] = CODES[error.code] ?? MALFORMED;
  const problem = problemOf(new AmiferryError(code, detail), { id: randomUUID(), url: '' });
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${ERRORS[code].title}`,
    `Content-Type: ${PROBLEM_JSON}; charset=utf-8`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${problem.requestId}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
