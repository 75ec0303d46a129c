import type { EC2Client } from '@aws-sdk/client-ec2';
import type { ServiceSdk } from '../clients.ts';

export type Ec2Sdk = typeof import('@aws-sdk/client-ec2');

/** How the clients of EC2 are made. The SDK is loaded at the first call. */
export const EC2: ServiceSdk<Ec2Sdk, EC2Client> = {
  service: 'EC2',
  answers: 'xml',
  load: () => import('@aws-sdk/client-ec2'),
  create: (sdk, config) => new sdk.EC2Client(config),
};
