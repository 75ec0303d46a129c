import type { AccountsSource } from '../accounts/accounts.ts';
import type { Audit } from '../domain/audit.ts';
import type { PolicySource } from '../domain/policy.ts';
import type { SharingQuotas } from '../domain/sharing-rules.ts';
import type { Ec2Gateway } from '../aws/ec2/gateway.ts';
import type { DisabledRegions } from '../aws/ec2/disabled-regions.ts';
import type { ImageNames } from '../aws/ec2/image-names.ts';
import type { RecentImages } from '../aws/ec2/recent-images.ts';
import type { SourceFacts } from '../aws/ec2/source-facts.ts';
import type { OwnAccount } from '../aws/sts/own-account.ts';
import type { KmsGateway } from '../aws/kms/gateway.ts';
import type { StepProducer } from '../queue/producer.ts';
import type { JobStore } from '../store/store.ts';
import type { WebhookSettings } from '../webhooks/settings.ts';
import type { Logger } from '../logging/logging.ts';

/** The dependencies of all commands. */
export interface CommandDeps {
  store: JobStore;
  producer: StepProducer;
  gateway: Ec2Gateway;
  ownAccount: Pick<OwnAccount, 'get'>;
  /** The accounts besides the service's own. */
  accounts: AccountsSource;
  /** Only for the source of a copy: answers may be a few seconds old. */
  recentImages: Pick<RecentImages, 'describeImage'>;
  imageNames: Pick<ImageNames, 'find'>;
  sourceFacts: Pick<SourceFacts, 'snapshotOwners'>;
  /** Regions that an account has not enabled. */
  disabledRegions: Pick<DisabledRegions, 'read'>;
  kms: KmsGateway;
  quotas: SharingQuotas;
  logger: Logger;
  policy: PolicySource;
  audit: Audit;
  webhooks: WebhookSettings;
  /** Regions that requests may name. */
  regions: readonly string[];
}
