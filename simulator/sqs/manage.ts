import { Type } from 'typebox';
import { partitionOf } from '../regions.ts';
import { jsonInput } from '../wire/json-input.ts';
import type { Queue } from '../state/queue.ts';
import type { SqsRequest } from './request.ts';

const CreateQueueSchema = Type.Object({
  QueueName: Type.String({ pattern: '^[A-Za-z0-9_-]{1,80}$' }),
  Attributes: Type.Optional(Type.Record(Type.String(), Type.String())),
});

/** CreateQueue: an existing queue of that name stays as it is. */
export function createQueue(request: SqsRequest, body: string): object {
  const { QueueName, Attributes = {} } = jsonInput(CreateQueueSchema, body);
  request.world().queues.create(request, QueueName, Attributes);
  return { QueueUrl: urlOf(request, QueueName) };
}

const GetQueueUrlSchema = Type.Object({ QueueName: Type.String({ minLength: 1 }) });

export function getQueueUrl(request: SqsRequest, body: string): object {
  const { name } = request.world().queues.named(request, jsonInput(GetQueueUrlSchema, body).QueueName);
  return { QueueUrl: urlOf(request, name) };
}

const GetQueueAttributesSchema = Type.Object({
  QueueUrl: Type.String(),
  AttributeNames: Type.Optional(Type.Array(Type.String())),
});

export function getQueueAttributes({ world, region, account }: SqsRequest, body: string): object {
  const { QueueUrl, AttributeNames = [] } = jsonInput(GetQueueAttributesSchema, body);
  const queue = world().queues.at(region, QueueUrl);
  world().stateChanges.sendDue();
  const all = attributesOf(
    queue,
    `arn:${partitionOf(region)}:sqs:${region}:${account}:${queue.name}`,
    world().clock.now(),
  );
  const wanted = Object.entries(all).filter(
    ([name]) => AttributeNames.includes('All') || AttributeNames.includes(name),
  );
  return { Attributes: Object.fromEntries(wanted) };
}

function attributesOf(queue: Queue, QueueArn: string, now: number): Record<string, string> {
  const { visible, hidden } = queue.counts(now);
  return {
    ...Object.fromEntries(queue.attributes),
    QueueArn,
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(hidden),
  };
}

function urlOf({ origin, account }: SqsRequest, name: string): string {
  return `${origin}/${account}/${name}`;
}
