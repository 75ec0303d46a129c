import { createQueue, getQueueAttributes, getQueueUrl } from './manage.ts';
import { deleteMessage, deleteMessageBatch, receiveMessage, sendMessage } from './messages.ts';
import type { SqsRequest } from './request.ts';

interface SqsOperation {
  readonly mutates: boolean;
  readonly run: (request: SqsRequest, body: string) => object | Promise<object>;
}

/** Every SQS action that is simulated. */
export const sqsOperations: ReadonlyMap<string, SqsOperation> = new Map<string, SqsOperation>([
  ['CreateQueue', { mutates: true, run: createQueue }],
  ['DeleteMessage', { mutates: true, run: deleteMessage }],
  ['DeleteMessageBatch', { mutates: true, run: deleteMessageBatch }],
  ['GetQueueAttributes', { mutates: false, run: getQueueAttributes }],
  ['GetQueueUrl', { mutates: false, run: getQueueUrl }],
  ['ReceiveMessage', { mutates: false, run: receiveMessage }],
  ['SendMessage', { mutates: true, run: sendMessage }],
]);
