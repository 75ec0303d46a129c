import { OWN } from '../helpers/account.ts';
import { readFile } from 'node:fs/promises';
import { EC2ServiceException } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../helpers/free-port.ts';
import { AwsGateway } from '../../src/aws/ec2/aws-gateway.ts';
import { AwsError, classify } from '../../src/aws/aws-error.ts';
import type { AwsErrorKind } from '../../src/aws/error-codes.ts';
import { COMMON_CODES, SERVICE_ERRORS } from '../../src/aws/error-codes.ts';
import type { Fault, Simulator } from '../../simulator/index.ts';
import { startSimulator } from '../../simulator/index.ts';
import { testCredentials } from '../helpers/service.ts';
import { SimulatorControl } from '../helpers/simulator-control.ts';

const DOC = new URL('../../docs/ec2-errors.md', import.meta.url);
const rowsOf = (table: typeof COMMON_CODES) =>
  Object.entries(table).map(([code, meaning]) => ({ code, advice: '', ...meaning }));
const common = rowsOf(COMMON_CODES);
const codes = [...common, ...rowsOf(SERVICE_ERRORS.EC2.codes)];

/** The cells of the rows of the table under a heading of docs/ec2-errors.md. */
async function documented(heading: string): Promise<string[][]> {
  const section = (await readFile(DOC, 'utf8')).split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(1).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** An error as the SDK throws it for an answer of EC2. */
function answered(name: string, httpStatusCode: number): EC2ServiceException {
  const $metadata = { httpStatusCode, requestId: 'req-1', attempts: 1, totalRetryDelay: 0 };
  return new EC2ServiceException({ name, $fault: 'client', message: 'EC2 says\nno', $metadata });
}

describe('docs/ec2-errors.md', () => {
  test.each([
    ['Codes of every service', COMMON_CODES],
    ['Codes of EC2', SERVICE_ERRORS.EC2.codes],
  ])('%s: the very codes of the table, in its order, with their kinds and advice', async (heading, table) => {
    const expected = rowsOf(table).map(({ code, kind, advice }) => [`\`${code}\``, kind, advice]);
    expect(await documented(heading)).toEqual(expected);
  });

  test('tells of every kind, and with what the API answers it', async () => {
    const rows = await documented('Kinds');
    expect(new Set(rows.map(([kind]) => kind))).toEqual(new Set(codes.map(({ kind }) => kind)));
    for (const { code, kind } of codes) {
      const { status, code: ours } = classify(answered(code, 400), 'EC2', 'CopyImage', 'eu-west-1');
      expect(rows.find(([name]) => name === kind)?.at(-1)).toContain(`${status} \`${ours}\``);
    }
  });
});

describe('an error of the SDK', () => {
  test.each(codes)('$code is $kind, whatever its status', ({ code, kind, advice }) => {
    for (const status of [400, 403, 500, 503]) {
      const error = classify(answered(code, status), 'EC2', 'CopyImage', 'eu-west-1');
      expect(error).toMatchObject({ kind, aws: { awsCode: code, awsRequestId: 'req-1' } });
      expect(error.message).toBe(`CopyImage in eu-west-1: ${code}: EC2 says no.${advice && ` ${advice}`}`);
    }
  });

  test.each<[number, AwsErrorKind]>([
    [400, 'refused'],
    [403, 'refused'],
    [429, 'throttled'],
    [500, 'transient'],
    [503, 'transient'],
  ])('of a code that is not in the table goes by its status: %i is %s', (status, kind) => {
    expect(classify(answered('Unheard.Of', status), 'EC2', 'CopyImage', 'eu-west-1').kind).toBe(kind);
  });

  test.each([
    ['ConcurrentSnapshotCopyLimitExceeded', 'no'],
    ['LimitExceeded', 'Too many snapshot copies in progress. The limit is 20.'],
  ])('of CopyImage is about slots by its words too: %s: %s', (name, message) => {
    const thrown = Object.assign(answered(name, 400), { message });
    expect(classify(thrown, 'EC2', 'CopyImage', 'eu-west-1').kind).toBe('slots');
    expect(classify(thrown, 'EC2', 'ModifyImageAttribute', 'eu-west-1').kind).toBe('refused');
  });

  test.each([
    ['EC2', 403, 'refused'],
    ['KMS', 403, 'refused'],
    ['SQS', 403, 'denied'],
    ['STS', 403, 'refused'],
    ['SQS', 400, 'refused'],
    ['SQS', 503, 'transient'],
  ] as const)('without a known code, of %s: %i is %s', (service, status, kind) => {
    expect(classify(answered('Unheard.Of', status), service, 'Anything', 'eu-west-1').kind).toBe(kind);
  });

  test.each(['KMS', 'SQS', 'STS'] as const)('of %s has the kinds of the common table', (service) => {
    for (const { code, kind } of common)
      expect(classify(answered(code, 400), service, 'Anything', 'eu-west-1')).toMatchObject({ kind });
  });

  test("of one service has nothing of another's table", () => {
    expect(classify(answered('QueueDoesNotExist', 400), 'EC2', 'CopyImage', 'eu-west-1').kind).toBe(
      'refused',
    );
    expect(classify(answered('ResourceLimitExceeded', 400), 'KMS', 'CreateGrant', 'eu-west-1').kind).toBe(
      'refused',
    );
  });

  test('is classified once: what is classified stays as it is', () => {
    const first = classify(answered('AuthFailure', 401), 'EC2', 'CopyImage', 'eu-west-1');
    expect(classify(first, 'EC2', 'DescribeImages', 'us-west-2')).toBe(first);
  });

  test.each([
    [
      'You are not authorized to perform this operation. User: arn:aws:sts::111111111111:assumed-role/amiferry-api/i-0abc is not authorized to perform: ec2:DescribeImages because no identity-based policy allows the ec2:DescribeImages action. Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6XSnuUMCm-abcdef',
      'You are not authorized to perform this operation. User: this service is not authorized to perform: ec2:DescribeImages because no identity-based policy allows the ec2:DescribeImages action.',
    ],
    [
      'User: arn:aws-us-gov:iam::111111111111:user/ops/mary, with arn:aws-us-gov:iam::111111111111:role/x.',
      'User: this service, with this service.',
    ],
    ['connect ECONNREFUSED 10.1.2.3:443', 'connect ECONNREFUSED.'],
    ['connect EHOSTUNREACH fd00::1:443 - Local (fd00::2:5000)', 'connect EHOSTUNREACH.'],
    ['getaddrinfo ENOTFOUND vpce-0abc.ec2.internal', 'getaddrinfo ENOTFOUND.'],
    [
      'Invalid organization arn:aws:organizations::222222222222:organization/o-abcdefghij.',
      'Invalid organization arn:aws:organizations::222222222222:organization/o-abcdefghij.',
    ],
  ])("says nothing of this service's own identity and network: %s", (message, shown) => {
    const thrown = Object.assign(answered('Unheard.Of', 403), { message });
    const error = classify(thrown, 'EC2', 'DescribeImages', 'eu-west-1');
    expect(error.message).toBe(`DescribeImages in eu-west-1: Unheard.Of: ${shown}`);
    expect(error.cause).toBe(thrown);
  });

  test('may be anything that can be thrown', () => {
    expect(classify('no', 'EC2', 'CopyImage', 'eu-west-1')).toMatchObject({
      kind: 'transient',
      message: 'CopyImage in eu-west-1: Unknown: no.',
    });
  });
});

describe('over the wire', () => {
  const scope = { account: OWN, region: 'eu-west-1' };
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator();
  });
  afterAll(() => simulator.close());

  /** What the gateway throws when it calls DescribeRegions once. */
  async function failure(endpoint: string): Promise<unknown> {
    const gateway = new AwsGateway({
      requestTimeoutMs: 300,
      maxAttempts: 1,
      endpoint,
      credentialsOf: testCredentials,
    });
    const error: unknown = await gateway.checkCredentials(scope).catch((thrown: unknown) => thrown);
    gateway.close();
    return error;
  }

  test.each<[string, Partial<Fault>, AwsErrorKind]>([
    ['EC2 throttles', { error: 'RequestLimitExceeded' }, 'throttled'],
    ['a quota is reached', { error: 'ResourceLimitExceeded' }, 'refused'],
    ['the policy forbids it', { error: 'UnauthorizedOperation' }, 'denied'],
    ['EC2 is at fault', { error: 'InternalError' }, 'transient'],
    ['a code that nobody knows', { error: 'Unheard.Of', status: 400 }, 'refused'],
    ['the connection is cut', { drop: true }, 'transient'],
    ['EC2 never answers', { hang: true }, 'transient'],
  ])('%s', async (_name, fault, kind) => {
    await new SimulatorControl(simulator.url).fault({ action: 'DescribeRegions', ...fault });
    const error = await failure(simulator.url);
    expect(error).toBeInstanceOf(AwsError);
    expect(error).toMatchObject({ kind, message: expect.stringMatching(/^DescribeRegions in eu-west-1: /) });
    if (fault.error !== undefined) {
      expect(error).toMatchObject({
        aws: { awsCode: fault.error, awsRequestId: expect.stringMatching(/./) },
      });
    }
  });

  test('nobody listens there', async () => {
    expect(await failure(`http://127.0.0.1:${await freePort()}`)).toMatchObject({ kind: 'transient' });
  });
});
