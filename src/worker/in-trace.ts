import { parseScope } from '../domain/ami.ts';
import type { StepName } from '../queue/jobs.ts';
import type { SpanAttributes } from '../tracing/tracing.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';

/** The payload of a step, as far as a span tells of it. */
interface Payload {
  jobId?: string;
  destination?: string;
  scope?: string;
  delivery?: number;
}

/**
 * Does a step within a span of the trace of its job. A copy takes hours and most steps are woken by a poll of a region or by the
 * sweeper, so the trace is the one that the record keeps, and not that of who woke the step.
 */
export async function inTrace(
  deps: WorkerDeps,
  name: StepName,
  payload: Payload,
  step: () => Promise<StepOutcome>,
): Promise<StepOutcome> {
  if (deps.tracing.queues === undefined) return step();
  const { jobId } = payload;
  const job = jobId === undefined ? null : await deps.store.get(jobId);
  return inSpan(deps, name, payload, step, job?.traceparent);
}

/** Does a step within a span, of the trace of the current work where none is given. */
export function inSpan(
  { tracing }: Pick<WorkerDeps, 'tracing'>,
  name: StepName,
  payload: Payload,
  step: () => Promise<StepOutcome>,
  traceparent: string | null = null,
): Promise<StepOutcome> {
  return tracing.span({ name, kind: 'internal', attributes: about(payload), traceparent }, async (span) => {
    const result = await step();
    span.set({ 'amiferry.step.outcome': result.outcome });
    return result;
  });
}

function about({ jobId, destination, scope, delivery }: Payload): SpanAttributes {
  return {
    ...(jobId === undefined ? {} : { 'amiferry.job.id': jobId }),
    ...(destination === undefined ? {} : { 'amiferry.destination': destination }),
    ...(scope === undefined ? {} : { 'cloud.region': parseScope(scope).region }),
    ...(delivery === undefined ? {} : { 'amiferry.delivery': delivery }),
  };
}
