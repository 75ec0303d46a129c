import { AwsError } from '../errors.ts';
import { Queue } from './queue.ts';

/**
 * The queue that receives EC2's events, as the rules in deploy/events/ define: those of every region, in the account that owns
 * the image. Like accounts and regions it is created at its first use.
 */
export const eventsQueueName = 'amiferry-events';

interface Place {
  readonly account: string;
  readonly region: string;
}

/** All queues, by account and region. */
export class Queues {
  readonly #queues = new Map<string, Queue>();

  /** Creates a queue unless it exists. */
  create({ account, region }: Place, name: string, attributes: Readonly<Record<string, string>>): Queue {
    const key = `${account}/${region}/${name}`;
    const queue = this.#queues.get(key) ?? new Queue(name, attributes);
    this.#queues.set(key, queue);
    return queue;
  }

  /** @throws AwsError QueueDoesNotExist */
  named(place: Place, name: string): Queue {
    if (name === eventsQueueName) return this.create(place, name, {});
    const queue = this.#queues.get(`${place.account}/${place.region}/${name}`);
    if (queue === undefined) throw new AwsError('QueueDoesNotExist', 'The specified queue does not exist.');
    return queue;
  }

  /**
   * Finds a queue by its URL, whose path is account and name. The host is ignored, so that a queue can be used by its real
   * address.
   * @throws AwsError QueueDoesNotExist
   */
  at(region: string, url: string): Queue {
    const [, account = '', name = ''] = /\/(\d{12})\/([^/]+)$/.exec(url) ?? [];
    return this.named({ account, region }, name);
  }

  /** The queues that receive the events of an account. */
  forEvents(account: string): Queue[] {
    const ours = [...this.#queues].filter(
      ([key]) => key.startsWith(`${account}/`) && key.endsWith(`/${eventsQueueName}`),
    );
    return ours.map(([, queue]) => queue);
  }
}
