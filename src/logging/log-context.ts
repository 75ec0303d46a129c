import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from 'pino';
import type { Job } from '../domain/job.ts';
import { findDestination } from '../domain/job.ts';

/**
 * What every log line of a job says of it. `destination` is `null` where the line is about the whole job; `account` and `region`
 * then are those of its image. `requestId` is the X-Request-Id of the request that made the job.
 */
export interface JobInLog {
  job: string;
  destination: string | null;
  account: string | null;
  region: string | null;
  requestId: string | null;
}

/** What is known of the current work; it may become more as the work goes on. */
type LogContext = Partial<JobInLog> & { step?: string; scope?: string };

const current = new AsyncLocalStorage<LogContext>();

/** Does work whose log lines, wherever they are written, say what it is about. */
export function withLogContext<T>(context: LogContext, work: () => T): T {
  return current.run({ ...context }, work);
}

/** Adds what has become known of the current work. */
export function noteInLog(more: LogContext): void {
  const context = current.getStore();
  if (context !== undefined) Object.assign(context, more);
}

/** Whether the current work is that of a job. */
export function isJobAtHand(): boolean {
  return current.getStore()?.job !== undefined;
}

/** The names of what a logger says in each of its lines; reading them is slow, and most loggers live long. */
const saidBy = new WeakMap<Logger, ReadonlySet<string>>();

/** What a line says of the current work, without what its logger says of itself already. */
export function contextFor(logger: Logger): object {
  const context = current.getStore();
  if (context === undefined) return {};
  let said = saidBy.get(logger);
  if (said === undefined) saidBy.set(logger, (said = new Set(Object.keys(logger.bindings()))));
  return Object.fromEntries(Object.entries(context).filter(([name]) => !said.has(name)));
}

/** A job in a log line, or one destination of it. */
export function aboutJob(job: Job, destination: string | null = null): JobInLog {
  const found = job.kind === 'copy' && destination !== null ? findDestination(job, destination) : undefined;
  const { account = null, region = null } = destination === null ? job.image : (found?.spec ?? {});
  return { job: job.id, destination, account, region, requestId: job.requestId };
}
