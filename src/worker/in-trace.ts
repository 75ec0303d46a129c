import { parseScope } from '../domain/ami.ts';
import type { StepName } from '../queue/jobs.ts';
import type { SpanAttributes } from '../tracing/tracing.ts';
import type { StepOutcome, WorkerDeps } from './deps.ts';

/** The fields of a step's payload that its span records. */
interface Payload {
  jobId?: string;
  destination?: string;
  scope?: string;
  delivery?: number;
}

/**
 * Runs a step within a span of its job's trace. A copy takes hours, and most steps are woken by a poll of a region or by the
 * sweep. The trace is therefore the one in the record, not that of the process that woke the step.
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

/** Runs a step within a span: of the given trace, else of the current one. */
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
