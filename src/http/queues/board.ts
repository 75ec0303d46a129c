import type { AppControllerRoute } from '@bull-board/api/typings/app';
import type { Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import { fastify } from 'fastify';
import type { Logger } from '../../logging/logging.ts';
import type { ErrorCode } from '../../errors.ts';
import { AmiferryError } from '../../errors.ts';
import { toAmiferryError } from '../problem.ts';

export interface BoardDeps {
  logger: Logger;
  /** Opens the queues, at the first request. */
  queues: () => Promise<readonly Queue[]>;
}

/** The board's answer to a request. */
export interface BoardAnswer {
  status: number;
  type: string;
  body: Buffer;
}

/** An error as the board's app passes it on. */
type Fault = [code: ErrorCode, message: string];

/** The path at which the board is served. */
export const BOARD_PATH = '/queues';

const UI = {
  boardTitle: 'amiferry queues',
  miscLinks: [{ text: 'Console', url: '/' }],
  environment: { label: 'read only', color: '#475569', textColor: '#ffffff' },
  hideDocsLink: true,
  // It would make Redis list its clients at each request.
  showWorkers: false,
};

/** Links to other hosts: Bull Board's page loads its fonts from one. */
const FOREIGN_LINK = /<link\b[^>]*\bhref="https?:[^>]*>/g;

/**
 * A read-only Bull Board. It is loaded, and the queues are opened, at the first request. It is a separate app behind the service's
 * routes, so that it can be reached only through them. Only the GET routes of its API are registered.
 */
export class QueueBoard {
  readonly #deps: BoardDeps;
  #app: Promise<FastifyInstance> | null = null;

  constructor(deps: BoardDeps) {
    this.#deps = deps;
  }

  /** @throws {AmiferryError} if the queues can't be opened or read; the next request tries again */
  async answer(method: 'GET' | 'HEAD', url: string): Promise<BoardAnswer> {
    this.#app ??= build(this.#deps).catch((error: unknown) => {
      this.#app = null;
      throw error;
    });
    const answer = await (await this.#app).inject({ method, url });
    if (answer.statusCode >= 500) throw new AmiferryError(...answer.json<Fault>());
    const type = answer.headers['content-type'] ?? 'application/octet-stream';
    return { status: answer.statusCode, type, body: answer.rawPayload };
  }

  async close(): Promise<void> {
    await (await this.#app)?.close();
  }
}

async function build({ logger, queues }: BoardDeps): Promise<FastifyInstance> {
  const [{ createBullBoard }, { BullMQAdapter }, { FastifyAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/fastify'),
  ]);
  const readOnly = { readOnlyMode: true, allowRetries: false };
  const adapter = new FastifyAdapter();
  createBullBoard({
    queues: (await queues()).map((queue) => new BullMQAdapter(queue, readOnly)),
    serverAdapter: Object.assign(adapter, {
      setApiRoutes: readingOnly(adapter.setApiRoutes.bind(adapter)),
      setErrorHandler: () => FastifyAdapter.prototype.setErrorHandler.call(adapter, passOn),
    }),
    options: { uiConfig: UI },
  });
  const app = fastify();
  app.setErrorHandler((thrown, _request, reply) => {
    const { code, message, cause } = toAmiferryError(thrown);
    if (code === 'internal-error') logger.error({ err: cause }, 'queues not shown');
    return reply.code(500).send([code, message] satisfies Fault);
  });
  app.addHook('onSend', async (_request, reply, payload) => {
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
    return isPage && typeof payload === 'string' ? payload.replaceAll(FOREIGN_LINK, '') : payload;
  });
  await app.register(adapter.registerPlugin(), { prefix: BOARD_PATH });
  return app;
}

/** Registers GET routes only, independent of the board's own read-only mode. */
function readingOnly<T>(set: (routes: AppControllerRoute[]) => T) {
  return (routes: AppControllerRoute[]) =>
    set(routes.filter(({ method }) => [method].flat().every((one) => one === 'get')));
}

/** Throws the error on: Bull Board would send its message to the browser. */
function passOn(error: Error): never {
  throw error;
}
