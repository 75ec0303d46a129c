import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PROJECT_DIR } from '../../../tools/dev/project.ts';
import type { Simulator } from '../../../simulator/index.ts';
import { startSimulator } from '../../../simulator/index.ts';
import { AwsEventsQueue } from '../../../src/aws/sqs/aws-events-queue.ts';
import { SERVICE_ERRORS } from '../../../src/aws/error-codes.ts';
import { QueueClient } from '../../helpers/events-queue.ts';
import { testCredentials } from '../../helpers/service.ts';
import { SimulatorControl } from '../../helpers/simulator-control.ts';
import { PATIENCE } from '../../helpers/waiting.ts';

const URL_ELSEWHERE = 'https://sqs.eu-west-1.amazonaws.com/111111111111/amiferry-events';
const options = { requestTimeoutMs: PATIENCE, maxAttempts: 1, credentialsOf: testCredentials };
const never = new AbortController().signal;

let simulator: Simulator;
let queue: AwsEventsQueue;

/** The queue of the simulator, for those who wait so many milliseconds for its answers. */
const queueWithin = (requestTimeoutMs: number) =>
  new AwsEventsQueue(URL_ELSEWHERE, 'eu-west-1', { ...options, requestTimeoutMs, endpoint: simulator.url });

beforeEach(async () => {
  simulator = await startSimulator();
  queue = queueWithin(PATIENCE);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  queue.close();
  await simulator.close();
});

test('calls the region of the queue, at the address of AWS_ENDPOINT_URL_SQS whatever its URL says', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', simulator.url);
  const found = new AwsEventsQueue(URL_ELSEWHERE, 'eu-west-1', options);
  expect(await found.receive(0, never)).toEqual([]);
  const { calls } = await new SimulatorControl(simulator.url).calls();
  expect(calls).toEqual({ ReceiveMessage: { 'eu-west-1': 1 } });
  found.close();
});

test('receives, and deletes what it received', async () => {
  await queue.receive(0, never);
  const sender = new QueueClient(simulator.url, URL_ELSEWHERE, 'eu-west-1');
  await sender.send('one');
  await sender.send('two');
  const messages = await queue.receive(1, never);
  expect(messages.map(({ body }) => body)).toEqual(['one', 'two']);
  expect(await sender.counts()).toEqual({ visible: 0, hidden: 2 });
  await queue.delete(messages.map(({ receipt }) => receipt));
  await queue.delete([]);
  expect(await sender.counts()).toEqual({ visible: 0, hidden: 0 });
  sender.close();
});

test('waits longer for a long poll than for any other answer', async () => {
  queue.close();
  queue = queueWithin(1900);
  expect(await queue.receive(2, never)).toEqual([]);
});

describe('what goes wrong', () => {
  const fault = (action: string, more: object) =>
    new SimulatorControl(simulator.url).fault({ action, ...more });

  test.each([
    [
      { error: 'AccessDeniedException', status: 403 },
      'denied',
      /ReceiveMessage in eu-west-1: AccessDenied.*Allow/,
    ],
    [{ error: 'QueueDoesNotExist' }, 'missing', /EVENTS_QUEUE_URL/],
    [{ error: 'InvalidClientTokenId', status: 403 }, 'credentials', /credentials/],
    [{ error: 'ExpiredToken', status: 400 }, 'credentials', /credentials/],
    [{ error: 'KmsAccessDenied' }, 'denied', /kms:Decrypt/],
    [{ error: 'RequestThrottled' }, 'throttled', /by itself/],
    [{ error: 'Whatever', status: 429 }, 'throttled', /by itself/],
    [{ error: 'InternalFailure', status: 500 }, 'transient', /by itself/],
    [{ error: 'Whatever', status: 400 }, 'refused', /EVENTS_QUEUE_URL/],
    [{ drop: true }, 'transient', /network/],
  ])('%j is %s', async (what, kind, words) => {
    await fault('ReceiveMessage', what);
    const failed = queue.receive(0, never);
    await expect(failed).rejects.toMatchObject({ name: 'AwsError', kind });
    await expect(failed).rejects.toThrow(words);
  });

  test('no answer in time', async () => {
    await fault('ReceiveMessage', { hang: true });
    queue.close();
    queue = queueWithin(100);
    const failed = queue.receive(0, never);
    await expect(failed).rejects.toMatchObject({ name: 'AwsError', kind: 'transient' });
    await expect(failed).rejects.toThrow(/TimeoutError.*network/);
  });

  test('a host that does not answer', async () => {
    const nowhere = new AwsEventsQueue(URL_ELSEWHERE, 'eu-west-1', {
      ...options,
      endpoint: 'http://127.0.0.1:1',
    });
    await expect(nowhere.receive(0, never)).rejects.toMatchObject({ kind: 'transient' });
    nowhere.close();
  });

  test('a message that may not be deleted', async () => {
    await fault('DeleteMessageBatch', { error: 'AccessDeniedException', status: 403 });
    await expect(queue.delete(['handle'])).rejects.toThrow(/^DeleteMessageBatch in eu-west-1: AccessDenied/);
  });
});

test('docs/events.md shows every code that only SQS has, in the same order', () => {
  const page = readFileSync(join(PROJECT_DIR, 'docs/events.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (`.*`) \| (denied|missing|throttled) \| (.*) \|$/gm)];
  const told = rows.flatMap(([, codes = '', kind, remedy]) =>
    [...codes.matchAll(/`(\w+)`/g)].map(([, code]) => [code, kind, remedy]),
  );
  const { codes } = SERVICE_ERRORS.SQS;
  expect(told).toEqual(Object.entries(codes).map(([code, { kind, advice }]) => [code, kind, advice]));
});
