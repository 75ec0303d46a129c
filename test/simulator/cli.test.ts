import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { golden, other, startHarness, type Harness } from './harness.ts';

const run = promisify(execFile);
const hasCli = spawnSync('aws', ['--version']).status === 0;
if (!hasCli)
  process.stdout.write('The aws CLI is not on the PATH: its test against the simulator is left out.\n');

describe.runIf(hasCli)('the aws CLI', () => {
  let sim: Harness;
  beforeAll(async () => {
    sim = await startHarness();
  });
  afterAll(() => sim.close());

  async function aws(region: string, ...words: string[]): Promise<unknown> {
    const env = {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      AWS_ACCESS_KEY_ID: 'AKIASIM111111111111',
      AWS_SECRET_ACCESS_KEY: 'simulated',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    const common = ['--endpoint-url', sim.simulator.url, '--region', region, '--output', 'json'];
    const { stdout } = await run('aws', [...common, ...words], { env });
    return stdout === '' ? undefined : JSON.parse(stdout);
  }

  test('describes, copies, shares and reads back', async () => {
    const copied = await aws(
      'eu-west-1',
      'ec2',
      'copy-image',
      '--name',
      'golden-eu',
      '--source-region',
      'us-east-1',
      '--source-image-id',
      golden.web,
    );
    const { ImageId } = copied as { ImageId: string };
    const described = await aws('eu-west-1', 'ec2', 'describe-images', '--image-ids', ImageId);
    expect(described).toMatchObject({
      Images: [{ ImageId, Name: 'golden-eu', State: 'pending', SourceImageId: golden.web }],
    });

    await aws(
      'us-east-1',
      'ec2',
      'modify-image-attribute',
      '--image-id',
      golden.web,
      '--launch-permission',
      `Add=[{UserId=${other}}]`,
    );
    const read = await aws(
      'us-east-1',
      'ec2',
      'describe-image-attribute',
      '--image-id',
      golden.web,
      '--attribute',
      'launchPermission',
    );
    expect(read).toMatchObject({ ImageId: golden.web, LaunchPermissions: [{ UserId: other }] });
    await expect(aws('us-east-1', 'ec2', 'deregister-image', '--image-id', ImageId)).rejects.toThrow(
      'InvalidAMIID.NotFound',
    );
  });
});
