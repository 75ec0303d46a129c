import type { Audit } from '../domain/audit.ts';
import type { PolicySource } from '../domain/policy.ts';
import type { RetryTimes } from '../domain/webhooks.ts';
import type { SharingQuotas } from '../domain/sharing-rules.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';
import type { KmsGateway } from '../aws/kms/gateway.ts';
import type { Logger } from '../logging/logging.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { StepProducer } from '../queue/producer.ts';
import type { Workers } from '../store/workers.ts';
import type { GoneEndpoints } from '../store/gone-endpoints.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { WebhookSender } from '../webhooks/send.ts';
import type { JobStore } from '../store/store.ts';
import type { StepsAtWork } from './steps-at-work.ts';

/** Times in milliseconds. */
export interface WorkerSettings {
  /** Copies at once into one scope. */
  copySlots: number;
  /** This service's part of EC2's limits of calls. */
  callShare: number;
  pollMs: number;
  /** In place of `pollMs` while EC2's own events are heard. */
  eventsPollMs: number;
  slotRetryMs: number;
  lostCopyMs: number;
  /** Between the first and the last poll that do not find an image, before it counts as gone. */
  goneMs: number;
  /** How long an account may refuse the service's credentials before a step that waits for it fails. */
  credentialsMs: number;
  /** How long a saved intent's ClientToken is trusted before its image is looked for by tag. */
  tokenTrustMs: number;
  retryMs: number;
  retentionMs: number;
  webhookTimes: RetryTimes;
}

/** What every step works with. */
export interface WorkerDeps {
  store: JobStore;
  producer: StepProducer;
  gateway: Ec2Gateway;
  kms: KmsGateway;
  quotas: SharingQuotas;
  logger: Logger;
  settings: WorkerSettings;
  policy: PolicySource;
  audit: Audit;
  metrics: Pick<Metrics, 'copyAvailable' | 'destinationFinished' | 'webhookAttempt'>;
  /** Whether EC2's own events tell this worker of copies at the moment. */
  hearsEvents: () => boolean;
  webhookSender: Pick<WebhookSender, 'reserve' | 'send'>;
  goneEndpoints: GoneEndpoints;
  workers: Pick<Workers, 'beat' | 'leave'>;
  stepsAtWork: StepsAtWork;
  tracing: Pick<Tracing, 'queues' | 'span'>;
}

/** How a step ended: with nothing left to do now, or to be done again after a while, which uses up no attempt. */
export type StepOutcome = { outcome: 'done' } | { outcome: 'again'; why: string; delayMs?: number };

export const DONE: StepOutcome = { outcome: 'done' };
