import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { JobFeed } from '../../src/store/feed.ts';

/** A connection that breaks off, and subscribes again, when the test says so. */
class Connection extends EventEmitter {
  readonly asked: PromiseWithResolvers<number>[] = [];

  subscribe(): Promise<number> {
    const one = Promise.withResolvers<number>();
    this.asked.push(one);
    return one.promise;
  }

  async granted(): Promise<void> {
    const one = this.asked.shift();
    one?.resolve(1);
    await one?.promise;
  }

  tell(id: string): void {
    this.emit('message', 'feed', `${id} {"type":"job.running","jobId":"x"}`);
  }
}

test('between a break and the new subscription nothing is heard, so that nobody takes it for all there was', async () => {
  const connection = new Connection();
  const feed = new JobFeed(connection as unknown as Redis, '{feed}');
  const heard: string[] = [];
  const unlisten = feed.listen(
    ({ id }) => void heard.push(id),
    () => void heard.push('missed'),
  );
  const starting = feed.start();
  await connection.granted();
  await starting;
  connection.tell('1-0');
  connection.emit('close');
  connection.emit('ready');
  // ioredis has subscribed again by itself, and its answer to that is not heard of.
  connection.tell('2-0');
  await connection.granted();
  connection.tell('3-0');
  expect(heard).toEqual(['missed', '1-0', 'missed', '3-0']);
  unlisten();
  connection.tell('4-0');
  expect(heard).toHaveLength(4);
});
