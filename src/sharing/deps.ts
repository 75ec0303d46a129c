import type { Audit } from '../domain/audit.ts';
import type { PolicySource } from '../domain/policy.ts';
import type { SharingQuotas } from '../domain/sharing-rules.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';
import type { KmsGateway } from '../aws/kms/gateway.ts';
import type { Logger } from '../logging/logging.ts';
import type { JobStore } from '../store/store.ts';

/** What reading permissions works with, in a command as in a worker step. */
export interface SharingReads {
  gateway: Ec2Gateway;
  kms: KmsGateway;
  quotas: SharingQuotas;
}

/** What changing permissions works with besides. The worker's dependencies satisfy it. */
export interface SharingDeps extends SharingReads {
  /** The records by which the fence decides, and where what is given is saved before it is given. */
  store: Pick<JobStore, 'now' | 'get' | 'list' | 'changeQueues' | 'updateIfFirst'>;
  policy: PolicySource;
  audit: Audit;
  logger: Pick<Logger, 'warn' | 'error'>;
  /** `lostCopyMs`: for so long after its creation an image may not name all of its snapshots, milliseconds. */
  settings: { lostCopyMs: number };
}
