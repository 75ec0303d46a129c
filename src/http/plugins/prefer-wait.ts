import type { FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import type { Job } from '../../domain/job.ts';
import { aboutJob } from '../../logging/log-context.ts';
import type { Workers } from '../../store/workers.ts';
import type { JobStore } from '../../store/store.ts';
import { Places } from '../../places.ts';
import { preferredWait } from '../prefer.ts';
import { countedAs } from '../principal.ts';
import { momentFor, presentJob } from '../present.ts';
import type { WaitDeps } from '../wait-for-job.ts';
import { waitForJob } from '../wait-for-job.ts';

declare module 'fastify' {
  interface FastifyReply {
    /** Answers with a job. With `Prefer: wait` the answer is held until the job has finished (then 200) or the wait is over (`status`). */
    sendJob(job: Job, status: 200 | 202): Promise<FastifyReply>;
  }
}

/** The dependencies of an answer with a job. */
type PreferDeps = WaitDeps & {
  store: Pick<JobStore, 'now' | 'deliveries'>;
  workers: Pick<Workers, 'isAnyRunning'>;
};

/** The most answers that a process holds for one caller at once: each of them reads its job every few seconds. */
const HELD_PER_CALLER = 100;

/** Implements `Prefer: wait` (RFC 7240): holds answers until the job has finished. */
export const preferWait = fp<PreferDeps>(
  async (app, deps) => {
    const closing = new AbortController();
    const held = new Places(HELD_PER_CALLER);
    // In preClose, before the server waits for connections: a held answer would keep it from closing.
    app.addHook('preClose', async () => closing.abort());

    app.decorateReply('sendJob', async function sendJob(this: FastifyReply, job: Job, status: 200 | 202) {
      this.request.job = aboutJob(job);
      const seconds = preferredWait(this.request.headers.prefer);
      if (status === 202) void this.header('Location', `/jobs/${job.id}`);
      const present = async (one: Job) => presentJob(one, await momentFor(deps, [one]));
      const free = seconds === null ? null : held.take(countedAs(this.request));
      if (seconds === null || free === null) return this.code(status).send(await present(job));
      const wait = heldFor(seconds, this, closing.signal);
      const latest = await waitForJob(deps, job, wait.signal).finally(() => {
        wait.release();
        free();
      });
      void this.header('Preference-Applied', `wait=${seconds}`);
      return this.code(latest.finishedAt === null ? status : 200).send(await present(latest));
    });
  },
  { name: 'prefer-wait' },
);

/**
 * A signal that aborts after `seconds`, when the client has disconnected, or when the server closes. Not
 * `AbortSignal.any([AbortSignal.timeout(…)])`: Node 24 collects the inner signal as garbage, and the answer would be held for ever.
 */
function heldFor(seconds: number, reply: FastifyReply, closing: AbortSignal) {
  const held = new AbortController();
  const end = () => held.abort();
  const timer = setTimeout(end, seconds * 1000);
  reply.raw.once('close', end);
  closing.addEventListener('abort', end);
  if (reply.raw.destroyed || closing.aborted) end();
  const release = () => {
    clearTimeout(timer);
    reply.raw.off('close', end);
    closing.removeEventListener('abort', end);
  };
  return { signal: held.signal, release };
}
