import type { SharingQuotas } from '../domain/sharing-rules.ts';
import type { Ec2Gateway } from '../ec2/gateway.ts';
import type { KmsGateway } from '../kms/gateway.ts';

/** What reading and changing permissions works with, in a command as in a worker step. */
export interface PermissionDeps {
  gateway: Ec2Gateway;
  kms: KmsGateway;
  quotas: SharingQuotas;
}
