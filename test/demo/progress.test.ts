import { describe, expect, test } from 'vitest';
import { afterEvent, bar, progressView } from '../../tools/demo/progress.ts';
import type { Screen } from '../../tools/demo/screen.ts';
import { table } from '../../tools/demo/table.ts';
import type { CopyJob } from '../../src/http/schemas/job.ts';

type Destination = CopyJob['destinations'][number];

const PENDING: Destination = {
  account: '111111111111',
  region: 'eu-west-1',
  name: 'golden-web',
  state: 'pending',
  stopping: null,
  source: null,
  imageId: null,
  imageState: null,
  progress: 0,
  etaSeconds: null,
  encrypted: null,
  kmsKeyId: null,
  attempts: 1,
  error: null,
  startedAt: null,
  availableAt: null,
  finishedAt: null,
};

function job(...changes: Partial<Destination>[]): CopyJob {
  const now = '2026-11-23T00:00:00.000Z';
  return {
    id: 'job',
    kind: 'copy',
    state: 'running',
    progress: 0,
    permissions: null,
    warnings: [],
    deliveries: [],
    requestedBy: 'demo',
    createdAt: now,
    updatedAt: now,
    image: { id: 'ami-0a1b2c3d4e5f60001', account: '111111111111', region: 'us-east-1', name: 'golden-web' },
    destinations: changes.map((change) => ({ ...PENDING, ...change })),
    finishedAt: null,
  };
}

/** A screen that notes what it is told to show. */
function noted(live: boolean) {
  const lines: string[] = [];
  const frames: (readonly string[])[] = [];
  const screen: Screen = {
    live,
    line: (text = '') => void lines.push(text),
    redraw: (frame) => void frames.push(frame),
    keep: () => {},
    style: (_style, text) => text,
  };
  return { screen, lines, frames };
}

describe('progressView', () => {
  test('on a terminal draws a bar for each destination, each time', () => {
    const { screen, frames, lines } = noted(true);
    const show = progressView(screen);
    show(job({ progress: 50, etaSeconds: 4 }, { region: 'us-west-2', state: 'queued' }));
    show(
      job(
        { progress: 100, state: 'succeeded', finishedAt: '2026-11-23T00:00:08.000Z' },
        { region: 'us-west-2' },
      ),
    );
    expect(frames).toEqual([
      [
        `  eu-west-1        ${bar(50)}  50 %  pending  about 4 s left`,
        `  us-west-2        ${bar(0)}   0 %  queued`,
      ],
      [`  eu-west-1        ${bar(100)} 100 %  succeeded`, `  us-west-2        ${bar(0)}   0 %  pending`],
    ]);
    expect(lines).toEqual([]);
  });

  test('elsewhere writes a line when there is something new', () => {
    const { screen, frames, lines } = noted(false);
    const show = progressView(screen);
    for (const progress of [0, 3, 24, 26, 27]) show(job({ progress }));
    show(job({ progress: 100, state: 'succeeded' }));
    expect(lines.map((line) => line.trim().replaceAll(/ +/g, ' '))).toEqual([
      'eu-west-1 0 % pending',
      'eu-west-1 26 % pending',
      'eu-west-1 100 % succeeded',
    ]);
    expect(frames).toEqual([]);
  });
});

test('an event changes the destination that it is about, and the job', () => {
  const before = job({ progress: 10 }, { region: 'us-west-2' });
  const after = afterEvent(before, {
    type: 'destination.available',
    at: before.updatedAt,
    jobId: before.id,
    requestedBy: 'demo',
    state: 'running',
    progress: 50,
    destination: {
      account: '111111111111',
      region: 'us-west-2',
      state: 'available',
      imageId: 'ami-1',
      progress: 100,
      etaSeconds: 0,
      errorCode: null,
    },
  });
  expect(after.progress).toBe(50);
  expect(after.destinations[0]).toEqual(before.destinations[0]);
  expect(after.destinations[1]).toMatchObject({ state: 'available', imageId: 'ami-1', progress: 100 });
});

test.each([
  [0, '░░░░'],
  [50, '██░░'],
  [100, '████'],
  [140, '████'],
])('a bar of %i %%', (percent, drawn) => {
  expect(bar(percent, 4)).toBe(drawn);
});

test('a table is as wide as its widest cells', () => {
  expect(table(['id', 'state'], [['ami-1', 'ok']])).toEqual(['id     state', '─────  ─────', 'ami-1  ok']);
});
