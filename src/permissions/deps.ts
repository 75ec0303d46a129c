import type { SharingQuotas } from '../domain/sharing-rules.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';
import type { KmsGateway } from '../aws/kms/gateway.ts';

/** What reading and changing permissions works with, in a command as in a worker step. */
export interface PermissionDeps {
  gateway: Ec2Gateway;
  kms: KmsGateway;
  quotas: SharingQuotas;
}
