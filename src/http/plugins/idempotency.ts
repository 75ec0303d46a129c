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
    /** The Idempotency-Key that this request holds; `null` where it brought none. */
    claim: Claim | null;
  }
  interface FastifyContextConfig {
    /** `false`: asked again it answers anew, and no answer is kept. */
    idempotencyKey?: false;
  }
}

export interface IdempotencyDeps {
  store: JobStore;
  idempotency: IdempotencyStore;
}

const MUTATING = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
/** Characters of an answer that are kept. In place of a longer one the job is given again, as it is by then. */
const MOST_KEPT = 65_536;
const KEPT_HEADERS = ['content-type', 'location', 'preference-applied'];

/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same key and request give the first answer again.
 * Only what was accepted is remembered; a refused request changed nothing and may be corrected and sent again.
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

/** Where the body may be left out an empty one is the same. */
function bodyOf({ body, routeOptions }: FastifyRequest): unknown {
  return routeOptions.config.optionalBody && !saysAnything(body) ? undefined : body;
}

function badKey(): AmiferryError {
  const message = `must be 1 to ${MAX_KEY_LENGTH} printable ASCII characters, bare or in double quotes`;
  return new AmiferryError('validation-failed', `Idempotency-Key ${message}`, {
    errors: [{ pointer: '/Idempotency-Key', message }],
  });
}

/** The job is saved, and its first answer was lost on the way. */
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
    // The write's outcome is unknown, so the key stays: the repetition finds the job, or makes it once the lease is over.
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
    // With its job saved the request is known all the same; without, the key frees itself.
    request.log.warn({ err: error }, 'could not save what became of an Idempotency-Key');
  }
}
