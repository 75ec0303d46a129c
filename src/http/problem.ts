import type { FastifyReply, FastifyRequest } from 'fastify';
import { AmiferryError, ERRORS } from '../errors.ts';
import type { ErrorCode, FieldError } from '../errors.ts';
import { hideCredentials } from '../logging/hide-credentials.ts';
import { fieldErrors } from './field-errors.ts';
import { isRedisUnavailable } from './redis-errors.ts';
import type { Problem } from './schemas/problem.ts';

/** Retry-After of a 503, in seconds. */
export const RETRY_AFTER_SECONDS = 5;

/** The most errors of one answer: as many as a request has destinations. A list of accounts may have a thousand. */
const MOST_ERRORS = 50;

export const PROBLEM_JSON = 'application/problem+json';

/** Fastify's errors that have a code of this service, with a detail where Fastify's message would not help a caller. */
const FROM_FASTIFY: Readonly<Record<string, readonly [ErrorCode, string?]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['body-too-large', 'send at most 65536 bytes'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported-media-type',
    'send JSON, with Content-Type: application/json',
  ],
  FST_UNDER_PRESSURE: [
    'overloaded',
    `more requests than this process can answer: try again in ${RETRY_AFTER_SECONDS} s`,
  ],
};

/** Maps any error to one that a caller may see. An unknown error becomes `internal-error`, without its message. */
export function toAmiferryError(error: unknown): AmiferryError {
  if (error instanceof AmiferryError) return error;
  if (isHttpError(error)) {
    const { validation, validationContext = 'body', code = '', message: said } = error;
    if (validation !== undefined) return invalid(fieldErrors(validation, validationContext));
    const [ours, detail = said] = FROM_FASTIFY[code] ?? ['bad-request'];
    if (code in FROM_FASTIFY || error.statusCode < 500)
      return new AmiferryError(ours, detail, { cause: error });
  }
  if (isRedisUnavailable(error)) {
    const detail = `Redis, which keeps the jobs, does not answer: try again in ${RETRY_AFTER_SECONDS} s`;
    return new AmiferryError('redis-unavailable', detail, { cause: error });
  }
  return internalError(error);
}

/** Sends an error as problem details (RFC 9457). */
export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  error: AmiferryError,
): FastifyReply {
  const { code, status } = error;
  request.errorCode = code;
  if (status === 503) void reply.header('Retry-After', String(RETRY_AFTER_SECONDS));
  return reply.code(status).type(PROBLEM_JSON).send(problemOf(error, request));
}

/** The problem details of an error (RFC 9457). */
export function problemOf(error: AmiferryError, request: Pick<FastifyRequest, 'id' | 'url'>): Problem {
  const { code, status, message, errors, aws } = error;
  return {
    type: `urn:amiferry:error:${code}`,
    title: ERRORS[code].title,
    status,
    detail: hideCredentials(message),
    instance: hideCredentials(pathOf(request)),
    code,
    requestId: request.id,
    ...(errors === null ? {} : { errors: errors.slice(0, MOST_ERRORS).map(withoutCredentials) }),
    ...(aws?.awsCode ? { awsCode: aws.awsCode } : {}),
    ...(aws?.awsRequestId ? { awsRequestId: aws.awsRequestId } : {}),
  };
}

/** The pointer to a field contains text that the caller sent, so credentials are removed from it too. */
function withoutCredentials({ pointer, message }: FieldError): FieldError {
  return { pointer: hideCredentials(pointer), message: hideCredentials(message) };
}

/** The path of the request, without its query. */
export function pathOf({ url }: Pick<FastifyRequest, 'url'>): string {
  return url.split('?', 1)[0] ?? url;
}

function invalid(errors: AmiferryError['errors'] & {}): AmiferryError {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more: see "errors")` : '';
  return new AmiferryError(
    'validation-failed',
    `${first?.message ?? 'it does not match the schema'}${more}`,
    {
      errors,
    },
  );
}

function internalError(cause: unknown): AmiferryError {
  const detail = "an unexpected error in the service: search its log for this answer's requestId";
  return new AmiferryError('internal-error', detail, { cause });
}

/** An error of Fastify, or one that Fastify gave a status, such as an incomplete body. */
interface HttpError extends Error {
  statusCode: number;
  code?: string;
  validation?: Parameters<typeof fieldErrors>[0];
  validationContext?: string;
}

function isHttpError(error: unknown): error is HttpError {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number';
}
