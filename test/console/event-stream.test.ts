import { expect, test } from 'vitest';
import { eventReader } from '../../console/event-stream.js';

const TEXT =
  'retry: 2000\n\n: still here\n\nid: 1-0\nevent: job.queued\ndata: {"a":"id: b"}\n\nid: 2-0\ndata: {"a":"b"}\n\nid: 3-0\ndata: {';

test.each([1, 7, TEXT.length])('server-sent events are read in pieces of %i characters', (size) => {
  const read = eventReader();
  const pieces = TEXT.match(new RegExp(`.{1,${size}}`, 'gs')) ?? [];
  expect(pieces.flatMap(read)).toEqual([
    { id: '1-0', type: 'job.queued', data: { a: 'id: b' } },
    { id: '2-0', type: '', data: { a: 'b' } },
  ]);
});
