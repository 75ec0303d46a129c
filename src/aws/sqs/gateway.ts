/** One message as it was received. */
export interface QueueMessage {
  body: string;
  /** Names this receipt of it, for {@link EventsQueue.delete}. */
  receipt: string;
}

/**
 * The port to the queue with EC2's events: just the operations used. A message that was received and not deleted comes again after
 * half a minute, to any receiver. Both methods throw {@link AwsError} (aws-error.ts).
 */
export interface EventsQueue {
  /** Up to ten messages, as soon as there are any, and none after so many seconds (20 at most). */
  receive(waitSeconds: number, signal: AbortSignal): Promise<QueueMessage[]>;

  /** Takes messages, ten at most, out of the queue. One that SQS could not delete comes again. */
  delete(receipts: readonly string[]): Promise<void>;

  close(): void;
}
