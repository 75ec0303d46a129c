import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { fingerprint, MAX_KEY_LENGTH, parseIdempotencyKey } from '../../domain/idempotency.ts';
import { AmiferryError } from '../../errors.ts';
import type { Claim, IdempotencyStore } from '../../store/idempotency.ts';
import { keyInProgress } from '../../store/idempotency.ts';
import type { JobStore } from '../../store/store.ts';
import { saysAnything } from './json-body.ts';
import { principalOf } from '../principal.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The claim of this request's Idempotency-Key; `null` without one. */
    claim: Claim | null;
  }
  interface FastifyContextConfig {
    /** `false`: a repeated request is executed again, and no answer is stored. */
    idempotencyKey?: false;
  }
}

export interface IdempotencyDeps {
  store: JobStore;
  idempotency: IdempotencyStore;
}

const MUTATING = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
/** The longest answer that is stored, in characters. In place of a longer one a repetition gets the job as it is then. */
const MOST_KEPT = 65_536;
const KEPT_HEADERS = ['content-type', 'location', 'preference-applied'];

/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a repetition with the same key gets the first answer again.
 * Only accepted requests are stored: a refused one changed nothing, and may be corrected and sent again with the same key.
 */
export const idempotency = fp<IdempotencyDeps>(
  async (app, deps) => {
    app.decorateRequest('claim', null);
    app.addHook('preHandler', (request, reply) => claimKey(deps, request, reply));
    app.addHook('onSend', async (request, reply, payload) => {
      if (request.claim !== null) await settle(request, request.claim, reply, payload);
      return payload;
    });
  },
  { name: 'idempotency', dependencies: ['prefer-wait'] },
);

async function claimKey(
  deps: IdempotencyDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const header = request.headers['idempotency-key'];
  if (header === undefined || !MUTATING.has(request.method)) return undefined;
  if (request.routeOptions.config.idempotencyKey === false) return undefined;
  const key = typeof header === 'string' ? parseIdempotencyKey(header) : null;
  if (key === null) throw badKey();
  const print = fingerprint(request.method, request.url, bodyOf(request));
  const result = await deps.idempotency.claim(principalOf(request).id, key, print);
  switch (result.outcome) {
    case 'claimed':
      request.claim = result.claim;
      return undefined;
    case 'replay':
      return reply
        .code(result.answer.status)
        .headers({ ...result.answer.headers, 'Idempotent-Replayed': 'true' })
        .serializer((body: string) => body)
        .send(result.answer.body);
    case 'accepted':
      return answerAgain(deps, result.jobId, reply);
    case 'in-progress':
      throw keyInProgress();
    case 'reused':
      throw new AmiferryError(
        'idempotency-key-reused',
        'this Idempotency-Key was used for another request: a new request needs a new key',
      );
  }
}

/** If the body is optional, an empty body equals none. */
function bodyOf({ body, routeOptions }: FastifyRequest): unknown {
  return routeOptions.config.optionalBody && !saysAnything(body) ? undefined : body;
}

function badKey(): AmiferryError {
  const message = `must be 1 to ${MAX_KEY_LENGTH} printable ASCII characters, bare or in double quotes`;
  return new AmiferryError('validation-failed', `Idempotency-Key ${message}`, {
    errors: [{ pointer: '/Idempotency-Key', message }],
  });
}

/** Answers with a job that is saved, but whose first answer was lost. */
async function answerAgain(
  { store }: IdempotencyDeps,
  jobId: string,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const job = await store.get(jobId);
  if (job === null) throw new AmiferryError('job-not-found', `job ${jobId} is past its retention`);
  return reply.header('Idempotent-Replayed', 'true').sendJob(job, 202);
}

async function settle(
  request: FastifyRequest,
  claim: Claim,
  reply: FastifyReply,
  payload: unknown,
): Promise<void> {
  request.claim = null;
  try {
    // The outcome of the write is unknown, so the key stays: a repetition finds the job, or makes it once the lease has expired.
    if (reply.statusCode >= 500 && claim.mayHaveWritten) return;
    if (reply.statusCode >= 300) return await claim.release();
    const headers = KEPT_HEADERS.flatMap((name) => {
      const value = reply.getHeader(name);
      return typeof value === 'string' ? [[name, value]] : [];
    });
    const body = typeof payload === 'string' ? payload : '';
    if (body.length > MOST_KEPT) return;
    await claim.answered({ status: reply.statusCode, headers: Object.fromEntries(headers), body });
  } catch (error) {
    // If the job is saved, its receipt identifies the request; if not, the key expires.
    request.log.warn({ err: error }, 'answer for an Idempotency-Key not saved');
  }
}
