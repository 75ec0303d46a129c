import { createHash, randomUUID } from 'node:crypto';

/** A message, as ReceiveMessage returns it. */
export interface Received {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly MD5OfBody: string;
  readonly Body: string;
  readonly Attributes: Readonly<Record<string, string>>;
}

interface Message {
  readonly id: string;
  readonly body: string;
  readonly sentAt: number;
  /** Until then it is hidden from other receivers. */
  visibleAt: number;
  receipts: number;
  /** The latest receipt handle; older ones delete nothing. */
  handle: string | undefined;
}

export const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** A standard queue: a message that was received and not deleted is delivered again. Times are simulated milliseconds. */
export class Queue {
  readonly name: string;
  /** Attributes by their names in CreateQueue and GetQueueAttributes. */
  readonly attributes: Map<string, string>;
  #messages: Message[] = [];

  constructor(name: string, attributes: Readonly<Record<string, string>>) {
    this.name = name;
    this.attributes = new Map(Object.entries({ ...defaults, ...attributes }));
  }

  /** An attribute in milliseconds. */
  milliseconds(attribute: string): number {
    return Number(this.attributes.get(attribute) ?? 0) * 1000;
  }

  /** Adds a message. @returns its id */
  send(body: string, now: number): string {
    const id = randomUUID();
    this.#expire(now);
    this.#messages.push({ id, body, sentAt: now, visibleAt: now, receipts: 0, handle: undefined });
    return id;
  }

  /** Receives up to a number of visible messages, and hides them for the visibility timeout. */
  receive(most: number, hiddenMs: number, now: number): Received[] {
    this.#expire(now);
    const taken: Received[] = [];
    for (const message of this.#messages) {
      if (taken.length === most) break;
      if (message.visibleAt > now) continue;
      message.visibleAt = now + hiddenMs;
      message.receipts++;
      message.handle = randomUUID();
      taken.push(received(message, message.handle));
    }
    return taken;
  }

  /** Deletes the message of a receipt handle. An older handle of a message is accepted without effect. */
  delete(handle: string): void {
    this.#messages = this.#messages.filter((message) => message.handle !== handle);
  }

  /** The numbers of visible and of hidden messages. */
  counts(now: number): { visible: number; hidden: number } {
    this.#expire(now);
    const visible = this.#messages.filter(({ visibleAt }) => visibleAt <= now).length;
    return { visible, hidden: this.#messages.length - visible };
  }

  #expire(now: number): void {
    const oldest = now - this.milliseconds('MessageRetentionPeriod');
    while (this.#messages[0] !== undefined && this.#messages[0].sentAt < oldest) this.#messages.shift();
  }
}

/** SQS' defaults (API reference, CreateQueue). */
const defaults = {
  VisibilityTimeout: '30',
  ReceiveMessageWaitTimeSeconds: '0',
  MessageRetentionPeriod: '345600',
};

function received({ id, body, sentAt, receipts }: Message, handle: string): Received {
  return {
    MessageId: id,
    ReceiptHandle: handle,
    MD5OfBody: md5(body),
    Body: body,
    Attributes: { SentTimestamp: String(sentAt), ApproximateReceiveCount: String(receipts) },
  };
}
