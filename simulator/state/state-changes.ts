import { randomUUID } from 'node:crypto';
import { newRequestId } from '../ids.ts';
import { partitionOf } from '../regions.ts';
import type { Image, ImageState } from './image.ts';
import type { World } from './world.ts';

/** The states for which EC2 sends events (EC2 user guide, "Monitor AMI events using Amazon EventBridge"). */
const told: ReadonlySet<ImageState> = new Set(['available', 'failed', 'deregistered', 'disabled']);

/**
 * EC2's "EC2 AMI State Change" events. The end of a copy has no timer: before messages are received, the events that are due
 * by then are sent.
 */
export class StateChanges {
  readonly #world: World;
  /** Pending copies by the time at which they end. */
  #ends: { readonly at: number; readonly image: Image }[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Notes a new copy, whose end will be an event. Without a queue nothing is stored. */
  expect(image: Image): void {
    const { lifecycle } = image;
    if (lifecycle.kind !== 'copying' || this.#world.queues.forEvents(image.ownerId).length === 0) return;
    const after = this.#ends.findIndex(({ at }) => at > lifecycle.endsAt);
    this.#ends.splice(after < 0 ? this.#ends.length : after, 0, { at: lifecycle.endsAt, image });
  }

  /** Sets the state of an image at once, and sends its event. */
  settle(image: Image, state: ImageState, message?: string): void {
    this.sendDue();
    image.lifecycle = { kind: 'settled', state, message };
    this.#send(image, state, message ?? '', this.#world.clock.now());
  }

  /** Sends the event of an image that is removed. */
  deregistered(image: Image): void {
    this.sendDue();
    this.#send(image, 'deregistered', '', this.#world.clock.now());
  }

  /** Sends the events that are due. A copy that was removed, or set to another state, has no such event. */
  sendDue(): void {
    const now = this.#world.clock.now();
    while (this.#ends[0] !== undefined && this.#ends[0].at <= now) {
      const [{ at, image } = this.#ends[0]] = this.#ends.splice(0, 1);
      const { lifecycle } = image;
      const isThere = this.#world.region(image.region).images.get(image.imageId) === image;
      if (!isThere || lifecycle.kind !== 'copying') continue;
      this.#send(image, lifecycle.final.state, lifecycle.final.message ?? '', at);
    }
  }

  #send(image: Image, state: ImageState, message: string, at: number): void {
    if (!told.has(state)) return;
    const { eventDelivery } = this.#world.settings;
    const body = JSON.stringify(eventOf(image, state, message, at));
    for (const queue of this.#world.queues.forEvents(image.ownerId)) {
      for (let i = 0; i < times[eventDelivery]; i++) queue.send(body, at);
    }
  }
}

const times = { lost: 0, once: 1, twice: 2 };

function eventOf(
  { imageId, region, ownerId }: Image,
  state: ImageState,
  message: string,
  at: number,
): object {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'EC2 AMI State Change',
    source: 'aws.ec2',
    account: ownerId,
    time: `${new Date(at).toISOString().slice(0, 19)}Z`,
    region,
    resources: [`arn:${partitionOf(region)}:ec2:${region}::image/${imageId}`],
    detail: { RequestId: newRequestId(), ImageId: imageId, State: state, ErrorMessage: message },
  };
}
