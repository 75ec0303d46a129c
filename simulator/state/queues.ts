import { AwsError } from '../errors.ts';
import { Queue } from './queue.ts';

/**
 * The queue to which EC2's events go, as the rules in deploy/events/ have it: those of every region, into the account
 * that owns the image. Like accounts and regions it comes into being when it is first asked for.
 */
export const eventsQueueName = 'amiferry-events';

interface Place {
  readonly account: string;
  readonly region: string;
}

/** All queues, by account and region. */
export class Queues {
  readonly #queues = new Map<string, Queue>();

  /** Makes it, unless it is there. */
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
   * The queue of a URL: the account and the name are its path. The host is not looked at, so that a queue may be called
   * by its real address.
   * @throws AwsError QueueDoesNotExist
   */
  at(region: string, url: string): Queue {
    const [, account = '', name = ''] = /\/(\d{12})\/([^/]+)$/.exec(url) ?? [];
    return this.named({ account, region }, name);
  }

  /** Those to which the events of an account go. */
  forEvents(account: string): Queue[] {
    const ours = [...this.#queues].filter(
      ([key]) => key.startsWith(`${account}/`) && key.endsWith(`/${eventsQueueName}`),
    );
    return ours.map(([, queue]) => queue);
  }
}
