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
    /** Answers with a job, held back as long as `Prefer: wait` asks and the job runs: 200 if it has finished, else `status`. */
    sendJob(job: Job, status: 200 | 202): Promise<FastifyReply>;
  }
}

/** What an answer with a job needs. */
type PreferDeps = WaitDeps & { store: Pick<JobStore, 'now'>; workers: Pick<Workers, 'isAnyRunning'> };

/** Answers that one process holds back for one caller at once: each reads its job again every few seconds. */
const HELD_PER_CALLER = 100;

/** Holds answers back for callers who prefer to wait for the job's end (RFC 7240). */
export const preferWait = fp<PreferDeps>(
  async (app, deps) => {
    const closing = new AbortController();
    const held = new Places(HELD_PER_CALLER);
    // Before the server stops to listen: an answer that is held back would keep it from closing.
    app.addHook('preClose', async () => closing.abort());

    app.decorateReply('sendJob', async function sendJob(this: FastifyReply, job: Job, status: 200 | 202) {
      this.request.job = aboutJob(job);
      const seconds = preferredWait(this.request.headers.prefer);
      if (status === 202) void this.header('Location', `/jobs/${job.id}`);
      const present = async (one: Job) => presentJob(one, await momentFor(deps, [one]));
      const free = seconds === null ? null : held.take(countedAs(this.request));
      if (seconds === null || free === null) return this.code(status).send(await present(job));
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(seconds * 1000), whenGone(this)]);
      const latest = await waitForJob(deps, job, signal).finally(free);
      void this.header('Preference-Applied', `wait=${seconds}`);
      return this.code(latest.finishedAt === null ? status : 200).send(await present(latest));
    });
  },
  { name: 'prefer-wait' },
);

/** Aborts when the client has gone away (or has its answer). */
function whenGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  if (reply.raw.destroyed) gone.abort();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
