/** One message as it was received. */
export interface QueueMessage {
  body: string;
  /** Identifies this receipt of the message, for {@link EventsQueue.delete}. */
  receipt: string;
}

/**
 * The port to the queue with EC2's events: only the operations used. A message that was received and not deleted is delivered
 * again after half a minute, to any receiver. Both methods throw {@link AwsError} (aws-error.ts).
 */
export interface EventsQueue {
  /** Up to ten messages as soon as there are any, or none after so many seconds (20 at most). */
  receive(waitSeconds: number, signal: AbortSignal): Promise<QueueMessage[]>;

  /** Deletes messages, ten at most, from the queue. A message that SQS could not delete is delivered again. */
  delete(receipts: readonly string[]): Promise<void>;

  close(): void;
}
