import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/errors.ts';
import { parseRedisUrl } from '../../src/queue/redis-address.ts';

describe('REDIS_URL', () => {
  test.each(['redis://127.0.0.1:6379', 'rediss://:p%40ss@redis.example.com:6380/2'])(
    'names one server: %s',
    (url) => {
      expect(parseRedisUrl(url)).toEqual({ kind: 'single', url });
    },
  );

  test('names some nodes of a cluster', () => {
    expect(
      parseRedisUrl('rediss+cluster://app:p%40s%2Fs@a.example.com:7000,b.example.com,[::1]:7002'),
    ).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'a.example.com', port: 7000 },
        { host: 'b.example.com', port: 6379 },
        { host: '::1', port: 7002 },
      ],
      tls: true,
      credentials: { username: 'app', password: 'p@s/s' },
    });
  });

  test('names Sentinels, what they call the master, and the passwords of both', () => {
    const url = 'redis+sentinel://:secret@s1:26379,s2/amis/3?sentinelUsername=watch&sentinelPassword=p%2Bw';
    expect(parseRedisUrl(url)).toEqual({
      kind: 'sentinel',
      sentinels: [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 26_379 },
      ],
      master: 'amis',
      db: 3,
      tls: false,
      credentials: { password: 'secret' },
      sentinelCredentials: { username: 'watch', password: 'p+w' },
    });
  });

  test.each([
    ['http://127.0.0.1', /redis\+cluster/],
    ['redis://:hunter2@a:6379:6379', /no URL/],
    ['rediss://:hunter2/x@a', /no URL/],
    ['redis+sentinel://:hunter2@s1', /name of the master/],
    ['redis+cluster://:hunter2@a/3', /only 0/],
    ['redis+cluster://:hunter2@', /none of/],
    ['redis+cluster://:hunter2@a:99999', /host:port/],
    ['redis+cluster://:hunter%2@a', /percent-encoded/],
  ])('%s stops the start, and its password is not repeated', (url, why) => {
    const read = () => readConfig({ REDIS_URL: url });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(why);
    expect(read).toThrow(/^REDIS_URL/);
    expect(read).not.toThrow(/hunter2/);
  });
});
