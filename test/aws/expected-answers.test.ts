import { OWN } from '../helpers/account.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NOBODY } from '../../src/domain/permissions.ts';
import { AwsGateway } from '../../src/aws/ec2/aws-gateway.ts';
import { listIn } from '../../src/aws/expected-answers.ts';
import { AwsKmsGateway } from '../../src/aws/kms/aws-kms-gateway.ts';
import type { Simulator } from '../../simulator/index.ts';
import { startSimulator } from '../../simulator/index.ts';
import { AwsEventsQueue } from '../../src/aws/sqs/aws-events-queue.ts';
import { EVENTS_QUEUE } from '../helpers/events-queue.ts';
import { GOLDEN_WEB, testCredentials } from '../helpers/service.ts';
import { SimulatorControl } from '../helpers/simulator-control.ts';

const scope = { account: OWN, region: GOLDEN_WEB.region };
const { imageId } = GOLDEN_WEB;
const SNAPSHOT = 'snap-0a1b2c3d4e5f60001';
const KEY = 'alias/ami';
const params = {
  source: GOLDEN_WEB,
  name: 'copy',
  description: null,
  clientToken: 'token',
  encrypted: null,
  kmsKeyId: null,
  copyTags: true,
  imageTags: {},
  snapshotTags: {},
  completionDurationMinutes: null,
};

let simulator: Simulator;
let ec2: AwsGateway;
let kms: AwsKmsGateway;
let queue: AwsEventsQueue;
beforeAll(async () => {
  simulator = await startSimulator();
  const options = {
    requestTimeoutMs: 20_000,
    maxAttempts: 1,
    endpoint: simulator.url,
    credentialsOf: testCredentials,
  };
  ec2 = new AwsGateway(options);
  kms = new AwsKmsGateway(options);
  queue = new AwsEventsQueue(EVENTS_QUEUE, scope.region, options);
});
afterAll(async () => {
  ec2.close();
  kms.close();
  queue.close();
  await simulator.close();
});

const reads: Record<string, () => Promise<unknown>> = {
  'DescribeImages of one image': () => ec2.describeImage(scope, imageId),
  'DescribeImages by a filter': () => ec2.findImages(scope, {}),
  'DescribeImages of pending images': () => ec2.findEnded(scope, [imageId]),
  DescribeSnapshots: () => ec2.describeSnapshots(scope, [SNAPSHOT]),
  DescribeImageAttribute: () => ec2.launchPermissions(scope, imageId),
  DescribeSnapshotAttribute: () => ec2.snapshotPermissions(scope, SNAPSHOT),
  GetImageBlockPublicAccessState: () => ec2.blockPublicAccess(scope),
  GetEbsEncryptionByDefault: () => ec2.encryptionByDefault(scope),
  GetEbsDefaultKmsKeyId: () => ec2.defaultKey(scope),
  DescribeRegions: () => ec2.disabledRegions(scope),
  'DescribeRegions for the credentials': () => ec2.checkCredentials(scope),
  DescribeKey: () => kms.describeKey(scope, KEY),
  ListGrants: () => kms.findGrants(scope, KEY, 'amiferry/'),
};
const changes: Record<string, () => Promise<unknown>> = {
  CopyImage: () => ec2.copyImage(scope, params),
  CreateTags: () => ec2.createTags(scope, [imageId], { a: 'b' }),
  DeregisterImage: () => ec2.deregisterImage(scope, imageId),
  DeleteSnapshot: () => ec2.deleteSnapshot(scope, SNAPSHOT),
  ModifyImageAttribute: () => ec2.modifyLaunchPermissions(scope, imageId, NOBODY, NOBODY),
  ModifySnapshotAttribute: () =>
    ec2.modifySnapshotPermissions(scope, SNAPSHOT, 'add', { public: false, accounts: ['222222222222'] }),
  CreateGrant: () => kms.createGrant(scope, KEY, 'amiferry/x', '222222222222'),
  RevokeGrant: () => kms.revokeGrant(scope, KEY, 'grant'),
};

describe('a web page with status 200 in place of an answer', () => {
  test.each([...Object.entries(reads), ...Object.entries(changes)])(
    '%s: a transient error',
    async (_, call) => {
      await new SimulatorControl(simulator.url).fault({ action: '*', html: true });
      await expect(call()).rejects.toMatchObject({
        kind: 'transient',
        code: 'ec2-unavailable',
        message: expect.stringContaining('the answer is not one of AWS, it begins with "<!DOCTYPE html>'),
      });
    },
  );

  test('SQS: a transient error', async () => {
    await new SimulatorControl(simulator.url).fault({ action: '*', html: true });
    await expect(queue.receive(0, AbortSignal.timeout(60_000))).rejects.toMatchObject({ kind: 'transient' });
  });

  test('is asked for again by the SDK itself, where it may try again', async () => {
    await new SimulatorControl(simulator.url).fault({ action: '*', html: true });
    const patient = new AwsGateway({
      requestTimeoutMs: 20_000,
      maxAttempts: 2,
      endpoint: simulator.url,
      credentialsOf: testCredentials,
    });
    expect((await patient.describeImage(scope, imageId))?.imageId).toBe(imageId);
    patient.close();
  });
});

test('a list that is missing in an answer is no empty list', () => {
  expect(listIn([], 'imagesSet')).toEqual([]);
  expect(() => listIn(undefined, 'launchPermission')).toThrow('the answer of AWS lacks launchPermission');
});
