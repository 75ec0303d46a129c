import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { jsonInput } from '../wire/json-input.ts';
import type { Received } from '../state/queue.ts';
import { md5 } from '../state/queue.ts';
import type { SqsRequest } from './request.ts';

/** The interval at which a long poll checks for messages, real milliseconds: copies end by the clock, without a notification. */
const lookEvery = 20;

const SendMessageSchema = Type.Object({
  QueueUrl: Type.String(),
  MessageBody: Type.String({ minLength: 1 }),
});

export function sendMessage({ world, region }: SqsRequest, body: string): object {
  const { QueueUrl, MessageBody } = jsonInput(SendMessageSchema, body);
  const MessageId = world().queues.at(region, QueueUrl).send(MessageBody, world().clock.now());
  return { MessageId, MD5OfMessageBody: md5(MessageBody) };
}

const ReceiveMessageSchema = Type.Object({
  QueueUrl: Type.String(),
  MaxNumberOfMessages: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
  WaitTimeSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 20 })),
  VisibilityTimeout: Type.Optional(Type.Integer({ minimum: 0, maximum: 43_200 })),
});

/**
 * ReceiveMessage, with long polling in real time. If the caller has disconnected, its messages stay in the queue (SQS does not
 * guarantee that).
 */
export async function receiveMessage({ world, region, gone }: SqsRequest, body: string): Promise<object> {
  const { QueueUrl, MaxNumberOfMessages = 1, ...asked } = jsonInput(ReceiveMessageSchema, body);
  const look = (): Received[] => {
    const queue = world().queues.at(region, QueueUrl);
    const hiddenMs =
      asked.VisibilityTimeout === undefined
        ? queue.milliseconds('VisibilityTimeout')
        : asked.VisibilityTimeout * 1000;
    world().stateChanges.sendDue();
    return queue.receive(MaxNumberOfMessages, hiddenMs, world().clock.now());
  };
  const ownWait = world().queues.at(region, QueueUrl).milliseconds('ReceiveMessageWaitTimeSeconds');
  const waitMs = asked.WaitTimeSeconds === undefined ? ownWait : asked.WaitTimeSeconds * 1000;
  const deadline = performance.now() + waitMs;
  for (;;) {
    const Messages = look();
    if (Messages.length > 0) return { Messages };
    if (performance.now() >= deadline) return {};
    await sleep(lookEvery, undefined, { ref: false });
    if (gone.aborted) return {};
  }
}

const DeleteMessageSchema = Type.Object({ QueueUrl: Type.String(), ReceiptHandle: Type.String() });

export function deleteMessage({ world, region }: SqsRequest, body: string): object {
  const { QueueUrl, ReceiptHandle } = jsonInput(DeleteMessageSchema, body);
  world().queues.at(region, QueueUrl).delete(ReceiptHandle);
  return {};
}

const DeleteMessageBatchSchema = Type.Object({
  QueueUrl: Type.String(),
  Entries: Type.Array(Type.Object({ Id: Type.String(), ReceiptHandle: Type.String() }), {
    minItems: 1,
    maxItems: 10,
  }),
});

export function deleteMessageBatch({ world, region }: SqsRequest, body: string): object {
  const { QueueUrl, Entries } = jsonInput(DeleteMessageBatchSchema, body);
  const queue = world().queues.at(region, QueueUrl);
  for (const { ReceiptHandle } of Entries) queue.delete(ReceiptHandle);
  return { Successful: Entries.map(({ Id }) => ({ Id })), Failed: [] };
}
