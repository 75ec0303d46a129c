import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { AwsEventsQueue } from '../../src/aws/sqs/aws-events-queue.ts';
import { amiEvent, QueueClient } from '../helpers/events-queue.ts';
import { untilPolled } from '../helpers/until-polled.ts';
import { PATIENCE, until } from '../helpers/waiting.ts';
import type { Service } from '../helpers/service.ts';
import { startService, testCredentials } from '../helpers/service.ts';
import type { Moto } from './moto-server.ts';

/** Polling as good as never: what ends these copies is the events. */
const RARELY = 600_000;
const HOME = 'eu-west-1';
const ELSEWHERE = 'us-west-2';

/** EC2's own events by way of moto's EventBridge and SQS. */
export function eventsAgainst(moto: () => Moto): void {
  let service: Service;
  let queue: QueueClient;
  let url: string;

  beforeAll(async () => {
    // The queue and the rules are what the templates make.
    await createStack(HOME, 'queue.yaml', {});
    await createStack(ELSEWHERE, 'forward.yaml', { HomeRegion: HOME });
    url = `https://sqs.${HOME}.amazonaws.com/123456789012/amiferry-events`;
    service = await startService({
      events: { url, endpoint: moto().url },
      simulator: { copySeconds: 3600 },
      settings: { eventsPollMs: RARELY },
    });
    queue = new QueueClient(moto().url, url, HOME);
    await until(() => service.events?.state === 'listening');
  });
  afterAll(async () => {
    queue.close();
    await service.stop();
  });

  /** A call of moto's that no client here speaks. */
  async function call(
    region: string,
    of: string,
    headers: Record<string, string>,
    body: string,
  ): Promise<string> {
    const authorization = `AWS4-HMAC-SHA256 Credential=x/20261123/${region}/${of}/aws4_request, SignedHeaders=host, Signature=0`;
    const response = await fetch(moto().url, {
      method: 'POST',
      headers: { ...headers, authorization },
      body,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return text;
  }

  async function createStack(
    region: string,
    file: string,
    parameters: Record<string, string>,
  ): Promise<void> {
    const form = new URLSearchParams({
      Action: 'CreateStack',
      Version: '2010-05-15',
      StackName: file.replace('.yaml', ''),
      TemplateBody: readFileSync(join(PROJECT_DIR, 'deploy/events/cloudformation', file), 'utf8'),
      'Capabilities.member.1': 'CAPABILITY_IAM',
    });
    for (const [i, [key, value]] of Object.entries(parameters).entries()) {
      form.set(`Parameters.member.${i + 1}.ParameterKey`, key);
      form.set(`Parameters.member.${i + 1}.ParameterValue`, value);
    }
    await call(
      region,
      'cloudformation',
      { 'content-type': 'application/x-www-form-urlencoded' },
      String(form),
    );
  }

  /** Has EventBridge's rules decide on an event of EC2. */
  async function putEvent(region: string, body: string): Promise<void> {
    const event = JSON.parse(body) as {
      source: string;
      resources: string[];
      detail: object;
      'detail-type': string;
    };
    const entry = {
      Source: event.source,
      DetailType: event['detail-type'],
      Resources: event.resources,
      Detail: JSON.stringify(event.detail),
    };
    const headers = { 'x-amz-target': 'AWSEvents.PutEvents', 'content-type': 'application/x-amz-json-1.1' };
    await call(region, 'events', headers, JSON.stringify({ Entries: [entry] }));
  }

  async function pendingCopy(): Promise<{ id: string; imageId: string }> {
    const { id } = await service.copy({ destinations: [{ region: HOME }] });
    const { destinations } = await service.untilJob(id, (job) => job.destinations[0]?.imageId !== null);
    await untilPolled(service, HOME, RARELY / 2);
    return { id, imageId: destinations[0]?.imageId ?? '' };
  }

  const counted = async (outcome: string) =>
    Number(new RegExp(`outcome="${outcome}"\\} (\\d+)`).exec(await service.metrics.text())?.[1] ?? 0);

  test('a copy is finished when its event comes through the rule of the template', async () => {
    const { id, imageId } = await pendingCopy();
    await service.control.setState(imageId, 'available');
    await putEvent(HOME, amiEvent(imageId, HOME));
    const { destinations } = await service.untilFinished(id);
    expect(destinations[0]?.state).toBe('succeeded');
    await until(async () => Object.values(await queue.counts()).every((count) => count === 0));
  });

  // Unlike EventBridge, moto takes account, region and ARN away on the way; so the event arrives, and can not be read.
  test('an event of another region comes by way of the event bus of the queue', async () => {
    const before = await counted('unreadable');
    await putEvent(ELSEWHERE, amiEvent('ami-0a1b2c3d4e5f60001', ELSEWHERE));
    await until(async () => (await counted('unreadable')) === before + 1);
  });

  test('the rules let nothing else through', async () => {
    const image = 'ami-0a1b2c3d4e5f60001';
    const arrived = async () => (await counted('unrelated')) + (await counted('unreadable'));
    const before = await arrived();
    for (const region of [HOME, ELSEWHERE]) {
      await putEvent(region, amiEvent(image, region, { source: 'my.app' }));
      await putEvent(region, amiEvent(image, region, { 'detail-type': 'Other' }));
      await putEvent(region, amiEvent(image, region, { detail: { ImageId: image, State: 'pending' } }));
      await putEvent(region, amiEvent(image, region));
    }
    await until(async () => (await arrived()) === before + 2);
    await until(async () => Object.values(await queue.counts()).every((count) => count === 0));
    expect(await arrived()).toBe(before + 2);
  });

  test('a queue that is not there is said to be missing', async () => {
    const options = {
      requestTimeoutMs: PATIENCE,
      maxAttempts: 1,
      endpoint: moto().url,
      credentialsOf: testCredentials,
    };
    const other = new AwsEventsQueue(`${url}-not`, HOME, options);
    await expect(other.receive(0, AbortSignal.timeout(10_000))).rejects.toMatchObject({ kind: 'missing' });
    other.close();
  });
}
