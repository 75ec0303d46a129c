import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from 'pino';
import type { Job } from '../domain/job.ts';
import { findDestination } from '../domain/job.ts';

/**
 * The fields of every log line about a job. `destination` is `null` if the line is about the whole job; `account` and `region`
 * then are those of its image. `requestId` is the X-Request-Id of the request that made the job.
 */
export interface JobInLog {
  job: string;
  destination: string | null;
  account: string | null;
  region: string | null;
  requestId: string | null;
}

/** The context of the current work, to which fields can be added. */
type LogContext = Partial<JobInLog> & { step?: string; scope?: string };

const current = new AsyncLocalStorage<LogContext>();

/** Runs work in a context, which all its log lines contain. */
export function withLogContext<T>(context: LogContext, work: () => T): T {
  return current.run({ ...context }, work);
}

/** Adds fields to the context of the current work. */
export function noteInLog(more: LogContext): void {
  const context = current.getStore();
  if (context !== undefined) Object.assign(context, more);
}

/** Whether the current work is about a job. */
export function hasJobContext(): boolean {
  return current.getStore()?.job !== undefined;
}

/** The names of the fields that a logger adds itself, cached because reading them is slow. */
const saidBy = new WeakMap<Logger, ReadonlySet<string>>();

/** The context fields for a line, without those that the logger adds itself. */
export function contextFor(logger: Logger): object {
  const context = current.getStore();
  if (context === undefined) return {};
  let said = saidBy.get(logger);
  if (said === undefined) saidBy.set(logger, (said = new Set(Object.keys(logger.bindings()))));
  return Object.fromEntries(Object.entries(context).filter(([name]) => !said.has(name)));
}

/** The log fields of a job, or of one of its destinations. */
export function aboutJob(job: Job, destination: string | null = null): JobInLog {
  const found = job.kind === 'copy' && destination !== null ? findDestination(job, destination) : undefined;
  const { account = null, region = null } = destination === null ? job.image : (found?.spec ?? {});
  return { job: job.id, destination, account, region, requestId: job.requestId };
}
