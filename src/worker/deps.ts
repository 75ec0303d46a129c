import type { AccountsSource } from '../accounts/accounts.ts';
import type { Audit } from '../domain/audit.ts';
import type { PolicySource } from '../domain/policy.ts';
import type { RetryTimes } from '../domain/webhooks.ts';
import type { SharingQuotas } from '../domain/sharing-rules.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';
import type { OwnAccount } from '../aws/sts/own-account.ts';
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
  /** Concurrent copies into one scope. */
  copySlots: number;
  /** This service's share of EC2's call limits. */
  callShare: number;
  pollMs: number;
  /** Replaces `pollMs` while EC2's own events are received. */
  eventsPollMs: number;
  slotRetryMs: number;
  lostCopyMs: number;
  /** The time from the first poll that does not find an image until the image counts as gone. */
  goneMs: number;
  /** How long an account may refuse the service's credentials before a waiting step fails. */
  credentialsMs: number;
  /** How long the ClientToken of a saved intent is relied on. After that the image is looked for by tag first. */
  tokenTrustMs: number;
  retryMs: number;
  retentionMs: number;
  webhookTimes: RetryTimes;
}

/** The dependencies of every step. */
export interface WorkerDeps {
  store: JobStore;
  producer: StepProducer;
  gateway: Ec2Gateway;
  kms: KmsGateway;
  quotas: SharingQuotas;
  logger: Logger;
  settings: WorkerSettings;
  policy: PolicySource;
  ownAccount: Pick<OwnAccount, 'get'>;
  accounts: Pick<AccountsSource, 'current'>;
  audit: Audit;
  metrics: Pick<Metrics, 'copyAvailable' | 'destinationFinished' | 'webhookAttempt'>;
  /** Whether this worker currently receives EC2's own events of copies. */
  hearsEvents: () => boolean;
  webhookSender: Pick<WebhookSender, 'reserve' | 'send'>;
  goneEndpoints: GoneEndpoints;
  workers: Pick<Workers, 'beat' | 'leave'>;
  stepsAtWork: StepsAtWork;
  tracing: Pick<Tracing, 'queues' | 'span'>;
}

/** The result of a step: nothing left to do now, or to be run again after a delay, which uses up no attempt. */
export type StepOutcome = { outcome: 'done' } | { outcome: 'again'; why: string; delayMs?: number };

export const DONE: StepOutcome = { outcome: 'done' };
