import {
  CopyImageCommand,
  DeregisterImageCommand,
  DisableImageCommand,
  EnableImageCommand,
} from '@aws-sdk/client-ec2';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authorization, golden, other, owner, startHarness, stopped, type Harness } from './harness.ts';

let sim: Harness;
let sqs: SQSClient;
let url: string;

beforeEach(async () => {
  sim = await startHarness({ speed: stopped });
  sqs = new SQSClient({
    endpoint: sim.simulator.url,
    region: 'us-east-1',
    credentials: { accessKeyId: owner, secretAccessKey: 'simulated' },
    maxAttempts: 1,
  });
  url = (await sqs.send(new CreateQueueCommand({ QueueName: 'mine' }))).QueueUrl ?? '';
});
afterEach(async () => {
  sqs.destroy();
  await sim.close();
});

const send = (body: string) => sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body }));
const receive = async (more: object = {}) => {
  const command = new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, ...more });
  return (await sqs.send(command)).Messages ?? [];
};
const bodies = async (more?: object) => (await receive(more)).map(({ Body }) => Body);
const pass = (seconds: number) => sim.simulator.clock.advance(seconds);

describe('a queue', () => {
  test('gives what was put in, hides it for a while, and gives it again unless it was deleted', async () => {
    await send('one');
    await send('two');
    const [one, two] = await receive({ VisibilityTimeout: 30, MessageSystemAttributeNames: ['All'] });
    expect([one?.Body, two?.Body]).toEqual(['one', 'two']);
    expect(one?.Attributes?.ApproximateReceiveCount).toBe('1');
    expect(await receive()).toEqual([]);
    await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: one?.ReceiptHandle }));
    pass(29);
    expect(await receive()).toEqual([]);
    pass(1);
    const [again] = await receive();
    expect(again).toMatchObject({ Body: 'two', MessageId: two?.MessageId });
    // The receipt of the first time deletes nothing any more.
    const Entries = [{ Id: '0', ReceiptHandle: two?.ReceiptHandle }];
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }));
    pass(30);
    expect(await bodies()).toEqual(['two']);
  });

  test('is found by its name, and tells how many messages it has', async () => {
    const found = await sqs.send(new GetQueueUrlCommand({ QueueName: 'mine' }));
    expect(found.QueueUrl).toBe(url);
    await send('one');
    await send('two');
    await receive({ MaxNumberOfMessages: 1 });
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] });
    expect((await sqs.send(command)).Attributes).toMatchObject({
      ApproximateNumberOfMessages: '1',
      ApproximateNumberOfMessagesNotVisible: '1',
      QueueArn: `arn:aws:sqs:us-east-1:${owner}:mine`,
    });
  });

  test('forgets what is older than it keeps messages', async () => {
    await send('old');
    pass(4 * 86_400 + 1);
    expect(await receive()).toEqual([]);
  });

  test('lets a long poll wait for the next message, also over a reset', async () => {
    const waiting = bodies({ WaitTimeSeconds: 20 });
    await send('late');
    expect(await waiting).toEqual(['late']);
    await sim.control('POST', 'reset');
    await expect(receive({ WaitTimeSeconds: 20 })).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
  });

  test('keeps what a caller that has hung up would have got', async () => {
    const over = new AbortController();
    const command = new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 });
    const waiting = sqs.send(command, { abortSignal: over.signal });
    await expect.poll(async () => (await sim.calls()).calls['ReceiveMessage']).toEqual({ 'us-east-1': 1 });
    over.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await send('kept');
    expect(await bodies()).toEqual(['kept']);
  });

  test('refuses as SQS does', async () => {
    const unknown = new ReceiveMessageCommand({ QueueUrl: `${url}-not` });
    await expect(sqs.send(unknown)).rejects.toMatchObject({
      name: 'QueueDoesNotExist',
      Code: 'AWS.SimpleQueueService.NonExistentQueue',
      $metadata: { httpStatusCode: 400 },
    });
    await expect(receive({ MaxNumberOfMessages: 11 })).rejects.toMatchObject({ name: 'ValidationException' });
    await sim.control('POST', 'faults', {
      action: 'ReceiveMessage',
      error: 'AccessDeniedException',
      status: 403,
    });
    await expect(receive()).rejects.toMatchObject({ name: 'AccessDeniedException' });
    const headers = {
      authorization: authorization('us-east-1', owner, 'sqs'),
      'x-amz-target': 'AmazonSQS.Fly',
    };
    const answer = await sim.raw('{}', headers);
    expect(answer.headers.get('x-amzn-query-error')).toBe('UnknownOperationException;Sender');
  });

  test('is outside the token buckets of EC2', async () => {
    await sim.control('POST', 'settings', { throttle: true });
    for (let i = 0; i < 120; i += 1) expect(await receive()).toEqual([]);
  });
});

describe("the queue of EC2's events", () => {
  const listen = async () => {
    url = (await sqs.send(new GetQueueUrlCommand({ QueueName: 'amiferry-events' }))).QueueUrl ?? '';
  };
  const copy = async (region = 'eu-west-1') => {
    const command = new CopyImageCommand({
      Name: 'copy',
      SourceImageId: golden.web,
      SourceRegion: 'us-east-1',
    });
    return (await sim.ec2(region).send(command)).ImageId ?? '';
  };
  const told = async () =>
    (await bodies()).map((body) => {
      const { region, detail } = JSON.parse(body ?? '') as { region: string; detail: Record<string, string> };
      return [region, detail['ImageId'], detail['State']];
    });

  test('has an event in the form of the user guide when a copy is available, and not before', async () => {
    await listen();
    const imageId = await copy();
    pass(7);
    expect(await receive()).toEqual([]);
    pass(1);
    const [body] = await bodies();
    expect(JSON.parse(body ?? '')).toEqual({
      version: '0',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      'detail-type': 'EC2 AMI State Change',
      source: 'aws.ec2',
      account: owner,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      region: 'eu-west-1',
      resources: [`arn:aws:ec2:eu-west-1::image/${imageId}`],
      detail: { RequestId: expect.any(String), ImageId: imageId, State: 'available', ErrorMessage: '' },
    });
    expect(await receive()).toEqual([]);
  });

  test('wakes a long poll when a copy ends', async () => {
    await listen();
    const imageId = await copy();
    const waiting = bodies({ WaitTimeSeconds: 20 });
    pass(8);
    expect((await waiting).join()).toContain(imageId);
  });

  test('tells of failures with their reason, of deregistered, disabled and enabled images, in order', async () => {
    await listen();
    await sim.control('POST', 'faults', { action: 'CopyImage', copyFails: { reason: 'a bad key' } });
    const failed = await copy();
    const removed = await copy();
    const fine = await copy('us-west-2');
    await sim.ec2('eu-west-1').send(new DeregisterImageCommand({ ImageId: removed }));
    pass(8);
    await sim.ec2('us-west-2').send(new DisableImageCommand({ ImageId: fine }));
    await sim.ec2('us-west-2').send(new DisableImageCommand({ ImageId: fine }));
    await sim.ec2('us-west-2').send(new EnableImageCommand({ ImageId: fine }));
    const messages = await bodies({ VisibilityTimeout: 0 });
    expect(messages.find((body) => body?.includes('failed'))).toContain('a bad key');
    expect(await told()).toEqual([
      ['eu-west-1', removed, 'deregistered'],
      ['eu-west-1', failed, 'failed'],
      ['us-west-2', fine, 'available'],
      ['us-west-2', fine, 'disabled'],
      ['us-west-2', fine, 'available'],
    ]);
  });

  test('has nothing of other accounts, and nothing where nobody listened', async () => {
    await copy();
    pass(8);
    await listen();
    await sim.control('POST', 'images', {
      region: 'us-east-1',
      owner: other,
      imageId: 'ami-0bbbbbbbbbbbbbbbb',
    });
    await sim.control('POST', 'images/ami-0bbbbbbbbbbbbbbbb', { state: 'failed', stateReason: 'x' });
    expect(await told()).toEqual([]);
  });

  test.each([
    ['lost', 0],
    ['twice', 2],
  ] as const)('%s, as best effort and at least once allow', async (eventDelivery, times) => {
    await listen();
    await sim.control('POST', 'settings', { eventDelivery });
    await copy();
    pass(8);
    expect(await told()).toHaveLength(times);
  });
});
