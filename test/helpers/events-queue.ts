import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';

const CREDENTIALS = { accessKeyId: 'AKIATESTTESTTEST', secretAccessKey: 'test' };

/** The address of the simulator's queue of EC2's events, in AWS' form. */
export const EVENTS_QUEUE = 'https://sqs.us-east-1.amazonaws.com/111111111111/amiferry-events';

/** Makes an event as EC2 sends it, or an invalid one. */
export function amiEvent(imageId: string, region: string, changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    version: '0',
    id: 'example-9f07-51db-246b-d8b8441bcdf0',
    'detail-type': 'EC2 AMI State Change',
    source: 'aws.ec2',
    account: '111111111111',
    time: '2026-11-23T10:00:00Z',
    region,
    resources: [`arn:aws:ec2:${region}::image/${imageId}`],
    detail: { RequestId: 'example-9dcc-40a6', ImageId: imageId, State: 'available', ErrorMessage: '' },
    ...changes,
  });
}

/** Another user of a queue, with its own SDK client. */
export class QueueClient {
  readonly #client: SQSClient;
  readonly #url: string;

  constructor(endpoint: string, url = EVENTS_QUEUE, region = 'us-east-1') {
    this.#url = url;
    this.#client = new SQSClient({
      endpoint,
      region,
      credentials: CREDENTIALS,
      maxAttempts: 1,
    });
  }

  /** Makes a queue. @returns its address */
  async create(QueueName: string): Promise<string> {
    return (await this.#client.send(new CreateQueueCommand({ QueueName }))).QueueUrl ?? '';
  }

  async send(body: string): Promise<void> {
    await this.#client.send(new SendMessageCommand({ QueueUrl: this.#url, MessageBody: body }));
  }

  /** Waits for messages. @returns the bodies of up to ten */
  async receive(waitSeconds = 0): Promise<string[]> {
    const { Messages = [] } = await this.#client.send(
      new ReceiveMessageCommand({
        QueueUrl: this.#url,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: waitSeconds,
      }),
    );
    return Messages.map(({ Body = '' }) => Body);
  }

  /** The numbers of visible messages, and of received ones that are not deleted. */
  async counts(): Promise<{ visible: number; hidden: number }> {
    const { Attributes = {} } = await this.#client.send(
      new GetQueueAttributesCommand({ QueueUrl: this.#url, AttributeNames: ['All'] }),
    );
    const { ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible } = Attributes;
    return {
      visible: Number(ApproximateNumberOfMessages),
      hidden: Number(ApproximateNumberOfMessagesNotVisible),
    };
  }

  close(): void {
    this.#client.destroy();
  }
}
