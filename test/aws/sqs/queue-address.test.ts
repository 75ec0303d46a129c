import { describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/config/config.ts';
import { ConfigError } from '../../../src/errors.ts';

const settingsOf = (url: string, env: Record<string, string> = {}) =>
  readConfig({ AWS_REGION: 'sa-east-1', EVENTS_QUEUE_URL: url, ...env }).eventsQueue;

describe('EVENTS_QUEUE_URL', () => {
  test.each([
    ['https://sqs.eu-west-1.amazonaws.com/111111111111/amiferry-events', 'eu-west-1', null],
    ['https://sqs.cn-north-1.amazonaws.com.cn/111111111111/q', 'cn-north-1', null],
    ['https://sqs.eusc-de-east-1.amazonaws.eu/111111111111/q', 'eusc-de-east-1', null],
    [
      'https://vpce-0a1b-2c3d.sqs.eusc-de-east-1.vpce.amazonaws.eu/111111111111/q',
      'eusc-de-east-1',
      'https://vpce-0a1b-2c3d.sqs.eusc-de-east-1.vpce.amazonaws.eu',
    ],
    ['https://ap-south-1.queue.amazonaws.com/111111111111/q', 'ap-south-1', null],
    ['https://queue.amazonaws.com/111111111111/q.fifo', 'us-east-1', null],
    [
      'https://vpce-0a1b-2c3d.sqs.us-west-2.vpce.amazonaws.com/111111111111/q',
      'us-west-2',
      'https://vpce-0a1b-2c3d.sqs.us-west-2.vpce.amazonaws.com',
    ],
    [
      'https://sqs-fips.us-gov-west-1.amazonaws.com/111111111111/q',
      'us-gov-west-1',
      'https://sqs-fips.us-gov-west-1.amazonaws.com',
    ],
    ['https://sqs.us-east-2.api.aws/111111111111/q', 'us-east-2', 'https://sqs.us-east-2.api.aws'],
    ['http://127.0.0.1:4566/111111111111/q', 'sa-east-1', 'http://127.0.0.1:4566'],
    ['http://localhost:4566/queue/us-east-1/000000000000/q', 'sa-east-1', 'http://localhost:4566'],
  ])('%s: region %s, endpoint %s', (url, region, endpoint) => {
    expect(settingsOf(url)).toEqual({ url, region, endpoint });
  });

  test.each(['AWS_ENDPOINT_URL_SQS', 'AWS_ENDPOINT_URL'])(
    'leaves the endpoint to %s where that is set',
    (name) => {
      const url = 'https://vpce-0a1b.sqs.us-west-2.vpce.amazonaws.com/111111111111/q';
      expect(settingsOf(url, { [name]: 'http://127.0.0.1:4566' })).toEqual({
        url,
        region: 'us-west-2',
        endpoint: null,
      });
    },
  );

  test('is left out by default', () => {
    expect(settingsOf('')).toBeNull();
  });

  test.each([
    'amiferry-events',
    'arn:aws:sqs:us-east-1:111111111111:amiferry-events',
    'https://sqs.us-east-1.amazonaws.com/amiferry-events',
    'https://sqs.us-east-1.amazonaws.com/11111111111/amiferry-events',
    'https://user@sqs.us-east-1.amazonaws.com/111111111111/amiferry-events',
    'file:///111111111111/q',
  ])('refuses %s, and says what it has to be', (url) => {
    expect(() => settingsOf(url)).toThrow(ConfigError);
    expect(() => settingsOf(url)).toThrow(/^EVENTS_QUEUE_URL=.*It is the address of the SQS queue/);
  });
});
