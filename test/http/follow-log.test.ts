import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { EventStream } from '../../src/http/events/event-stream.ts';
import type { LogSource } from '../../src/http/events/follow-log.ts';
import { LogFollower } from '../../src/http/events/follow-log.ts';
import type { LoggedEvent } from '../../src/store/store.ts';
import { until } from '../helpers/waiting.ts';

/** A log whose every reading is answered by hand, so that events can come at any moment in between. */
function log() {
  const events: LoggedEvent[] = [];
  const readings: { after: string; answer: (page: LoggedEvent[]) => void; fail: () => void }[] = [];
  const feed = { hear: (_event: LoggedEvent) => {}, missed: () => {} };
  const source: LogSource = {
    read: (after) =>
      new Promise((resolve, reject) => {
        readings.push({ after, answer: resolve, fail: () => reject(new Error('Connection is closed.')) });
      }),
    listen: (hear, missed) => {
      Object.assign(feed, { hear, missed });
      return () => Object.assign(feed, { hear: () => {}, missed: () => {} });
    },
    shows: ({ requestedBy }) => requestedBy === 'me',
    isEnd: ({ type }) => type === 'job.succeeded',
  };
  const happen = (type: LoggedEvent['type'] = 'destination.progress', requestedBy = 'me') => {
    const id = `${events.length + 1}-0`;
    const event: LoggedEvent = {
      id,
      type,
      jobId: 'x',
      requestedBy,
      at: 0,
      state: 'running',
      progress: 0,
      destination: null,
    };
    events.push(event);
    return event;
  };
  const since = (after: string) => events.filter(({ id }) => Number.parseInt(id) > Number.parseInt(after));
  /** Answers the oldest reading with what the log has now, and lets it be taken in. */
  const answer = async () => {
    await until(() => readings.length > 0);
    const reading = readings.shift();
    reading?.answer(since(reading.after));
    await setImmediate();
  };
  return { source, feed, readings, happen, answer };
}

let stream: EventStream;
afterEach(() => void stream.destroy());

function follow(source: LogSource, over = false) {
  stream = new EventStream(60_000, 60_000);
  const sent: string[] = [];
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    sent.splice(0, sent.length, ...[...text.matchAll(/^id: (.+)$/gm)].map(([, id = '']) => id));
  });
  new LogFollower(source, stream, '0-0', over).start();
  return sent;
}

test('what is heard while the log is read is in the next reading, and sent once', async () => {
  const { source, feed, readings, happen, answer } = log();
  const first = happen();
  const sent = follow(source);
  await until(() => readings.length === 1);
  const page = [first];
  const second = happen();
  feed.hear(second);
  // Redis had read the log before the second happened.
  readings.shift()?.answer(page);
  await answer();
  await until(() => sent.length === 2);
  expect(sent).toEqual(['1-0', '2-0']);
  feed.hear(happen());
  await until(() => sent.length === 3);
  expect(readings).toEqual([]);
});

test('what was read already and is heard late is not sent again', async () => {
  const { source, feed, happen, answer } = log();
  const [first, second] = [happen(), happen()];
  const sent = follow(source);
  await answer();
  await until(() => sent.length === 2);
  feed.hear(first);
  feed.hear(second);
  feed.hear(happen());
  await until(() => sent.length === 3);
  expect(sent).toEqual(['1-0', '2-0', '3-0']);
});

test('after a break of the feed the log is read from where it was', async () => {
  const { source, feed, readings, happen, answer } = log();
  happen();
  const sent = follow(source);
  await answer();
  await until(() => sent.length === 1);
  happen();
  feed.missed();
  await until(() => readings.length === 1);
  expect(readings[0]?.after).toBe('1-0');
  await answer();
  await until(() => sent.length === 2);
});

test('a reading that fails is tried again, and nothing is sent twice', async () => {
  const { source, feed, readings, happen, answer } = log();
  happen();
  const sent = follow(source);
  await answer();
  await until(() => sent.length === 1);
  feed.missed();
  await until(() => readings.length === 1);
  feed.hear(happen());
  readings.shift()?.fail();
  await answer();
  await until(() => sent.length === 2);
  expect(sent).toEqual(['1-0', '2-0']);
});

test('what the client may not see is left out, and not read again', async () => {
  const { source, feed, readings, happen, answer } = log();
  const sent = follow(source);
  await answer();
  feed.hear(happen('destination.progress', 'another'));
  feed.hear(happen());
  await until(() => sent.length === 1);
  expect(sent).toEqual(['2-0']);
  feed.missed();
  await until(() => readings.length === 1);
  expect(readings[0]?.after).toBe('2-0');
});

test.each([
  ['with the last event', ['job.running', 'job.succeeded'], false],
  ['at once when there is nothing more', [], true],
] as const)('it ends %s', async (_name, types, over) => {
  const { source, happen, answer } = log();
  for (const type of types) happen(type);
  const sent = follow(source, over);
  await answer();
  await until(() => stream.closed);
  expect(sent).toHaveLength(types.length);
});

test('an end that something follows is none: the job was retried', async () => {
  const { source, feed, happen, answer } = log();
  happen('job.succeeded');
  happen('job.running');
  const sent = follow(source);
  await answer();
  await until(() => sent.length === 2);
  feed.hear(happen('job.succeeded'));
  await until(() => stream.closed);
  expect(sent).toHaveLength(3);
});
