import type { STSClient } from '@aws-sdk/client-sts';
import type { ServiceSdk } from '../clients.ts';

export type StsSdk = typeof import('@aws-sdk/client-sts');

/** How the clients of STS are made. The SDK is loaded at the first call. */
export const STS: ServiceSdk<StsSdk, STSClient> = {
  service: 'STS',
  answers: 'xml',
  load: () => import('@aws-sdk/client-sts'),
  create: (sdk, config) => new sdk.STSClient(config),
};
