import type { Audit } from '../domain/audit.ts';
import type { PolicySource } from '../domain/policy.ts';
import type { SharingQuotas } from '../domain/sharing-rules.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';
import type { KmsGateway } from '../aws/kms/gateway.ts';
import type { Logger } from '../logging/logging.ts';
import type { JobStore } from '../store/store.ts';

/** The dependencies of reading permissions, in a command as in a worker step. */
export interface SharingReads {
  gateway: Ec2Gateway;
  kms: KmsGateway;
  quotas: SharingQuotas;
}

/** The further dependencies of changing permissions. The worker's dependencies satisfy it. */
export interface SharingDeps extends SharingReads {
  /** The records on which the fence decides, and which store what is given before it is given. */
  store: Pick<JobStore, 'now' | 'get' | 'list' | 'changeQueues' | 'holds' | 'updateIfFirst'>;
  policy: PolicySource;
  audit: Audit;
  logger: Pick<Logger, 'warn' | 'error'>;
  /** `lostCopyMs`: for how long after its creation an image may not name all of its snapshots, milliseconds. */
  settings: { lostCopyMs: number };
}
