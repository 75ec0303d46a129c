import { OWN } from '../helpers/account.ts';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { AwsGateway } from '../../src/aws/ec2/aws-gateway.ts';
import { AwsKmsGateway } from '../../src/aws/kms/aws-kms-gateway.ts';
import { testCredentials } from '../helpers/service.ts';

const scope = { account: OWN, region: 'eu-west-1' };
const LISTS: Record<string, string> = { DescribeImages: 'imagesSet', DescribeSnapshots: 'snapshotSet' };

let close: () => void;
afterEach(() => close());

/** An endpoint each of whose pages names another one. */
async function endless(tokenOf: (request: number) => string) {
  const asked = { requests: 0 };
  const answer = async (request: IncomingMessage): Promise<string> => {
    asked.requests += 1;
    const token = tokenOf(asked.requests);
    const action = new URLSearchParams(await text(request)).get('Action') ?? '';
    const list = LISTS[action];
    return list === undefined
      ? JSON.stringify({ Grants: [], Truncated: true, NextMarker: token })
      : `<${action}Response><${list}/><nextToken>${token}</nextToken></${action}Response>`;
  };
  const server = createServer((request, response) => {
    void answer(request).then((body) => response.end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const options = {
    requestTimeoutMs: 20_000,
    maxAttempts: 1,
    endpoint: `http://127.0.0.1:${address.port}`,
    credentialsOf: testCredentials,
  };
  const [ec2, kms] = [new AwsGateway(options), new AwsKmsGateway(options)];
  close = () => {
    ec2.close();
    kms.close();
    server.close();
  };
  const reads: Record<string, () => Promise<unknown>> = {
    DescribeImages: () => ec2.findImages(scope, {}),
    DescribeSnapshots: () => ec2.snapshotsCopiedFor(scope, 'ami-0a1b2c3d4e5f60001'),
    ListGrants: () => kms.findGrants(scope, 'alias/ami', 'name'),
  };
  return { reads, asked };
}

describe.each(['DescribeImages', 'DescribeSnapshots', 'ListGrants'])('%s', (name) => {
  test('is given up where a page names itself as the next one', async () => {
    const { reads, asked } = await endless(() => 'again');
    await expect(reads[name]?.()).rejects.toMatchObject({ kind: 'transient', awsCode: 'UnexpectedAnswer' });
    expect(asked.requests).toBe(2);
  });

  test('is given up where there is always another page', async () => {
    const { reads, asked } = await endless(String);
    await expect(reads[name]?.()).rejects.toMatchObject({ kind: 'transient', awsCode: 'UnexpectedAnswer' });
    expect(asked.requests).toBe(name === 'ListGrants' ? 1000 : 200);
  });
});
