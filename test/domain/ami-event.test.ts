import { expect, test } from 'vitest';
import { readAmiEvent } from '../../src/domain/ami-event.ts';
import { amiEvent } from '../helpers/events-queue.ts';

const IMAGE = 'ami-0a1b2c3d4e5f60001';
const read = { imageId: IMAGE, scope: { account: '111111111111', region: 'eu-west-1' } };

test('reads an event as EventBridge sends it', () => {
  expect(readAmiEvent(amiEvent(IMAGE, 'eu-west-1'))).toEqual(read);
});

test('reads one that SNS wrapped, once', () => {
  const wrapped = JSON.stringify({ Type: 'Notification', Message: amiEvent(IMAGE, 'eu-west-1') });
  expect(readAmiEvent(wrapped)).toEqual(read);
  expect(readAmiEvent(JSON.stringify({ Type: 'Notification', Message: wrapped }))).toBeNull();
});

test("takes the image's region, by whichever region's event bus it came", () => {
  expect(readAmiEvent(amiEvent(IMAGE, 'eu-west-1', { region: 'us-east-1' }))).toEqual(read);
  expect(readAmiEvent(amiEvent(IMAGE, 'eu-west-1', { resources: [] }))).toEqual(read);
  expect(readAmiEvent(amiEvent(IMAGE, 'eu-west-1', { resources: 'x', region: 'eu-west-1' }))).toEqual(read);
});

test.each([7, null, { toString: 1 }, nested(20_000)])('takes no ARN from what is no text', (arn) => {
  const event = amiEvent(IMAGE, 'eu-west-1', { resources: ['ARN'], region: 'eu-west-1' });
  expect(readAmiEvent(event.replace('"ARN"', typeof arn === 'string' ? arn : JSON.stringify(arn)))).toEqual(
    read,
  );
});

/** Arrays within arrays, in JSON, so deep that they can't be made a text. */
function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

const changed = (changes: Record<string, unknown>) => amiEvent(IMAGE, 'eu-west-1', changes);
test.each([
  '',
  'hello',
  '{',
  'null',
  '7',
  '"text"',
  '[]',
  '{"Type":"Notification"}',
  changed({ source: 'my.app' }),
  changed({ 'detail-type': 'EC2 Instance State-change Notification' }),
  changed({ detail: null }),
  changed({ detail: { ImageId: 'ami-0A1B2C3D4E5F60001' } }),
  changed({ detail: { ImageId: `${IMAGE}\n` } }),
  changed({ resources: [], region: 'evil.com/#' }),
  changed({ resources: [], region: undefined }),
  changed({ account: 'self' }),
  changed({ account: 111111111111 }),
  changed({ account: undefined }),
  changed({ resources: ['arn:aws:ec2:nowhere::image/x'] }),
  '['.repeat(100_000),
])('reads nothing in %j', (body) => {
  expect(readAmiEvent(body)).toBeNull();
});
