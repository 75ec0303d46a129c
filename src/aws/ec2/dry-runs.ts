import type { EC2Client } from '@aws-sdk/client-ec2';
import type { Scope } from '../../domain/ami.ts';
import { AwsError, classify } from '../aws-error.ts';
import type { AwsOptions } from '../clients.ts';
import { AwsClients } from '../clients.ts';
import type { Ec2Sdk } from './ec2-sdk.ts';
import { EC2 } from './ec2-sdk.ts';

/** The operations that change something in another account. Tags are set within CopyImage, and so checked with it. */
export const CHANGES = [
  'CopyImage',
  'ModifyImageAttribute',
  'ModifySnapshotAttribute',
  'DeregisterImage',
  'DeleteSnapshot',
] as const;
export type Ec2Change = (typeof CHANGES)[number];

/**
 * `unknown`: EC2 answered with neither DryRunOperation nor UnauthorizedOperation, such as an error about the resource, which may come
 * before the check of permissions.
 */
export type DryRun = { outcome: 'allowed' } | { outcome: 'denied' | 'unknown'; message: string };

/** Resources that do not exist: a dry run needs some. */
const IMAGE = 'ami-00000000000000000';
const SNAPSHOT = 'snap-00000000000000000';

/** Asks EC2 whether operations are allowed, by calls with DryRun, which change nothing. */
export class DryRuns {
  readonly #clients: AwsClients<Ec2Sdk, EC2Client>;

  constructor(options: AwsOptions) {
    this.#clients = new AwsClients(EC2, options);
  }

  /** @throws {AwsError} where EC2 could not be asked, or does not accept the credentials */
  async run(scope: Scope, change: Ec2Change): Promise<DryRun> {
    try {
      const { sdk, client } = await this.#clients.get(scope);
      await send(client, sdk, scope, change);
      return { outcome: 'unknown', message: 'EC2 made the call instead of a dry run' };
    } catch (error) {
      const failure = classify(error, 'EC2', change, scope.region);
      if (failure.awsCode === 'DryRunOperation') return { outcome: 'allowed' };
      if (failure.awsCode === 'UnauthorizedOperation') return { outcome: 'denied', message: failure.message };
      if (isAboutTheCall(failure)) return { outcome: 'unknown', message: failure.message };
      throw failure;
    }
  }

  close(): void {
    this.#clients.close();
  }
}

function isAboutTheCall({ kind }: AwsError): boolean {
  return kind === 'refused' || kind === 'missing' || kind === 'denied';
}

function send(client: EC2Client, sdk: Ec2Sdk, { region }: Scope, change: Ec2Change): Promise<unknown> {
  const DryRun = true;
  const UserIds = ['000000000000'];
  switch (change) {
    case 'CopyImage':
      return client.send(
        new sdk.CopyImageCommand({
          DryRun,
          Name: 'amiferry-check',
          SourceImageId: IMAGE,
          SourceRegion: region,
          TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'amiferry:job', Value: 'check' }] }],
        }),
      );
    case 'ModifyImageAttribute':
      return client.send(
        new sdk.ModifyImageAttributeCommand({
          DryRun,
          ImageId: IMAGE,
          LaunchPermission: { Add: [{ UserId: UserIds[0] }] },
        }),
      );
    case 'ModifySnapshotAttribute':
      return client.send(
        new sdk.ModifySnapshotAttributeCommand({
          DryRun,
          SnapshotId: SNAPSHOT,
          Attribute: 'createVolumePermission',
          OperationType: 'add',
          UserIds,
        }),
      );
    case 'DeregisterImage':
      return client.send(new sdk.DeregisterImageCommand({ DryRun, ImageId: IMAGE }));
    case 'DeleteSnapshot':
      return client.send(new sdk.DeleteSnapshotCommand({ DryRun, SnapshotId: SNAPSHOT }));
  }
}
