import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from '@cdktn/hcl2json';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseRedisUrl } from '../../src/queue/redis-address.ts';
import { freePort } from '../../src/dev/free-port.ts';
import { PROJECT_DIR } from '../../src/dev/project.ts';
import { until } from '../helpers/waiting.ts';
import type { RedisServer } from '../helpers/redis-servers.ts';
import { endServers, startRedisServer } from '../helpers/redis-servers.ts';
import { policyFiles } from './iam.ts';
import { manifest, ofKind } from './manifests.ts';
import { startRendered } from './rendered-service.ts';

const DIR = join(PROJECT_DIR, 'deploy/terraform');
const FILES = readdirSync(DIR).filter((file) => file.endsWith('.tf'));
const TEXT = FILES.map((file) => readFileSync(join(DIR, file), 'utf8')).join('\n');

type Body = Record<string, unknown>;
type Blocks = Record<string, Record<string, Body[]>>;

interface Terraform {
  variable: Record<string, Body[]>;
  output: Record<string, Body[]>;
  locals: Body[];
  resource: Blocks;
  data: Blocks;
}

/** All files as Terraform's own parser reads them; expressions stay as `${…}`. */
const terraform = (await parse('all.tf', TEXT)) as unknown as Terraform;
const local = (name: string) => terraform.locals.find((one) => name in one)?.[name];
const resource = (type: string, name = 'this') => terraform.resource[type]?.[name]?.[0] ?? {};

describe('the files', () => {
  test('declare what they use, and use what they declare', () => {
    const used = (pattern: RegExp) =>
      [...new Set([...TEXT.matchAll(pattern)].map(([, name = '']) => name))].toSorted();
    expect(used(/\bvar\.(\w+)/g)).toEqual(Object.keys(terraform.variable).toSorted());
    expect(used(/\blocal\.(\w+)/g)).toEqual(terraform.locals.flatMap(Object.keys).toSorted());
    const declared = new Set(
      Object.entries(terraform.resource).flatMap(([type, named]) =>
        Object.keys(named).map((name) => `${type}.${name}`),
      ),
    );
    const referred = used(/(?<!data\.)\b((?:aws|random)_\w+\.\w+)/g);
    expect(referred.filter((name) => !declared.has(name))).toEqual([]);
  });

  test('have an example of every value that has to be given', async () => {
    const example = await parse(
      'terraform.tfvars',
      readFileSync(join(DIR, 'terraform.tfvars.example'), 'utf8'),
    );
    const needed = Object.entries(terraform.variable).filter(([, [body]]) => body?.['default'] === undefined);
    expect(Object.keys(example).toSorted()).toEqual(needed.map(([name]) => name).toSorted());
  });

  test('give what docs/deploying.md asks for', () => {
    const asked = readFileSync(join(PROJECT_DIR, 'docs/deploying.md'), 'utf8').matchAll(
      /terraform (?:-chdir=\S+ )?output (?:-\w+ )*(\w+)/g,
    );
    expect(new Set([...asked].map(([, name]) => name))).toEqual(new Set(Object.keys(terraform.output)));
  });
});

describe('roles', () => {
  test('have the policies of docs/iam.md, with account, regions and partition put in their places', () => {
    const [policies, attached] = [
      String(local('policies')),
      JSON.stringify(local('policies_of')).replaceAll('\\"', '"'),
    ];
    const replaced = [...policies.matchAll(/"((?:[^"\\]|\\.)*)", (?:data|jsonencode|"arn:\$)/g)].map(
      ([, text = '']) => JSON.parse(`"${text}"`) as string,
    );
    expect(replaced).toEqual(['111111111111', '["us-east-1", "eu-west-1", "us-west-2"]', 'arn:aws:']);
    const ours = ['333333333333', '["eu-central-1"]', 'arn:aws-cn:'];
    // That of EC2's events is the module's own: events.test.ts.
    const files = [...policyFiles()].filter(([file]) => file !== 'worker-events.json');
    for (const [file, text] of files) {
      const name = file.replace('.json', '');
      expect(policies).toContain(`"${name}"`);
      expect(attached).toContain(`"${name}"`);
      const own = replaced.reduce((policy, from, i) => policy.replaceAll(from, ours[i] ?? ''), text);
      expect(JSON.parse(own)).toHaveProperty('Statement');
      // Nothing of the examples is left over, whatever the lay-out of the file.
      expect(own).not.toMatch(/111111111111|us-east-1|eu-west-1|us-west-2|arn:aws:/);
    }
    expect(policies.match(/"[\w-]+"(?=[,\]])/g)).toHaveLength(files.length + 1);
  });

  test('are for the service accounts of Kubernetes alone, by the names that those name', () => {
    const role = resource('aws_iam_role');
    const accounts = ofKind('ServiceAccount');
    const trust = String(role['assume_role_policy']);
    expect(trust).toContain(
      '"${local.oidc_issuer}:sub" = "system:serviceaccount:${var.namespace}:amiferry-${each.key}"',
    );
    expect(trust).toContain('"${local.oidc_issuer}:aud" = "sts.amazonaws.com"');
    const processes = Object.keys(local('policies_of') as object);
    expect(accounts.map(({ metadata }) => metadata.name)).toEqual(
      processes.map((name) => `amiferry-${name}`),
    );
    const [{ default: name }] = terraform.variable['name'] as [{ default: string }];
    const arns = accounts.map(({ metadata }) => metadata.annotations?.['eks.amazonaws.com/role-arn']);
    expect(role['name']).toBe('${var.name}-${each.key}');
    expect(arns).toEqual(processes.map((one) => `arn:aws:iam::111111111111:role/${name}-${one}`));
    expect(manifest('Namespace', 'amiferry').metadata.name).toBe(
      terraform.variable['namespace']?.[0]?.['default'],
    );
  });
});

describe('Redis', () => {
  test('evicts nothing, speaks TLS, is one shard with a replica', () => {
    const [parameter] = resource('aws_memorydb_parameter_group')['parameter'] as Body[];
    expect(parameter).toEqual({ name: 'maxmemory-policy', value: 'noeviction' });
    expect(resource('aws_memorydb_cluster')).toMatchObject({
      tls_enabled: true,
      num_shards: 1,
      num_replicas_per_shard: '${var.redis_replicas}',
      parameter_group_name: '${aws_memorydb_parameter_group.this.name}',
      acl_name: '${aws_memorydb_acl.this.name}',
    });
  });

  test('has an address that the service takes', () => {
    const url = String(terraform.output['redis_url']?.[0]?.['value']);
    const filled = url
      .replace('${local.redis_endpoint}', 'clustercfg.example.amazonaws.com:6379')
      .replaceAll(/\$\{[^}]+\}/g, 'x');
    expect(parseRedisUrl(filled)).toEqual({
      kind: 'cluster',
      nodes: [{ host: 'clustercfg.example.amazonaws.com', port: 6379 }],
      tls: true,
      credentials: { username: 'x', password: 'x' },
    });
  });
});

describe("Redis' users, on a real cluster of one node", () => {
  let dir: string;
  let server: RedisServer;
  let admin: Redis;
  const users = local('redis_users') as Record<string, string>;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'amiferry-users-'));
    const [port, busPort] = [await freePort(), await freePort()];
    const settings = {
      'cluster-enabled': 'yes',
      'cluster-port': String(busPort),
      'cluster-announce-ip': '127.0.0.1',
      'maxmemory-policy': 'noeviction',
    };
    server = await startRedisServer(dir, port, settings);
    admin = new Redis(port, '127.0.0.1');
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
    for (const [name, access] of Object.entries(users)) {
      await admin.call('ACL', 'SETUSER', name, '>secret', ...access.split(' '));
    }
  });
  afterAll(async () => {
    admin.disconnect();
    await endServers([server]);
    await rm(dir, { recursive: true, force: true });
  });

  /** What somebody was refused, as Redis has it. */
  const refused = async () => {
    const log = (await admin.call('ACL', 'LOG')) as unknown[][];
    await admin.call('ACL', 'LOG', 'RESET');
    return log.map((entry) => `${String(entry[3])} ${String(entry[7])} ${String(entry[9])}`);
  };

  test('the service is refused nothing that it does', async () => {
    const scopes = ['amis:read', 'amis:copy', 'amis:share', 'amis:admin'] as const;
    const REDIS_URL = `redis+cluster://service:secret@127.0.0.1:${server.port}`;
    const service = await startRendered({ REDIS_URL }, scopes);
    try {
      const json = { 'x-api-key': service.secret, 'content-type': 'application/json' };
      const ask = (method: string, path: string, body?: object, more = {}) =>
        service.ask('amiferry-api', path, {
          method,
          headers: { ...json, ...more },
          ...(body && { body: JSON.stringify(body) }),
        });
      const ready = async () =>
        (await ask('GET', '/health/ready'))?.status === 200 &&
        (await service.ask('amiferry-worker', '/health/ready'))?.status === 200;
      await until(ready);
      const image = '/amis/ami-0a1b2c3d4e5f60001';
      const shared = { accounts: ['222222222222'] };
      const request = { destinations: [{ region: 'eu-west-1' }], permissions: shared };
      const once = { 'idempotency-key': 'once' };
      const copy = await ask('POST', `${image}/copies?region=us-east-1`, request, once);
      const job = await service.untilFinished(copy);
      expect(job.state).toBe('succeeded');
      const change = await ask('PUT', `${image}/permissions?region=us-east-1`, shared);
      expect((await service.untilFinished(change)).state).toBe('succeeded');
      const paths = ['/jobs', `/jobs/${job.id}`, `/jobs/${job.id}/events`, '/audit', '/metrics'];
      for (const path of paths) expect((await ask('GET', path))?.status).toBe(200);
      for (const what of ['cancel', 'retry'])
        expect((await ask('POST', `/jobs/${job.id}/${what}`))?.status).toBe(409);
    } finally {
      await service.end();
      await service.stop();
    }
    expect(await refused()).toEqual([]);
  });

  test('the service can do nothing to the server, nor to what is not its own', async () => {
    const redis = new Redis({ port: server.port, username: 'service', password: 'secret' });
    for (const command of [
      ['FLUSHALL'],
      ['CONFIG', 'GET', '*'],
      ['KEYS', '*'],
      ['GET', 'other'],
      ['SHUTDOWN'],
    ]) {
      const [name = '', ...args] = command;
      await expect(redis.call(name, ...args)).rejects.toThrow(/NOPERM/);
    }
    redis.disconnect();
    await admin.call('ACL', 'LOG', 'RESET');
  });

  /** As KEDA's scaler asks, cluster or not: github.com/kedacore/keda, pkg/scalers/redis_scaler.go. */
  const COUNT = `local cmd = { list = 'llen', none = 'llen' }
    return redis.call(cmd[redis.call('type', KEYS[1]).ok], KEYS[1])`;

  test('KEDA counts the waiting steps as its scaler does, and reads nothing', async () => {
    const triggers = manifest('ScaledObject', 'amiferry-worker').spec['triggers'] as {
      metadata: { listName: string };
    }[];
    const keda = new Redis({
      port: server.port,
      username: 'keda',
      password: 'secret',
      enableReadyCheck: false,
    });
    // What its client, go-redis, does to find its way in a cluster.
    for (const [name = '', ...args] of [['HELLO', '3'], ['PING'], ['CLUSTER', 'SLOTS'], ['COMMAND']])
      await keda.call(name, ...args);
    await keda.call('HELLO', '2');
    for (const { metadata } of triggers) {
      await admin.rpush(metadata.listName, 'a', 'b');
      expect(await keda.eval(COUNT, 1, metadata.listName)).toBe(2);
      await admin.del(metadata.listName);
      expect(await keda.eval(COUNT, 1, metadata.listName)).toBe(0);
      await expect(keda.lrange(metadata.listName, 0, -1)).rejects.toThrow(/NOPERM/);
      await expect(keda.eval("return redis.call('DEL', KEYS[1])", 1, metadata.listName)).rejects.toThrow(
        /can't run/,
      );
    }
    await expect(keda.hgetall('{amiferry}:job:x')).rejects.toThrow(/NOPERM/);
    await expect(keda.eval(COUNT, 1, '{amiferry}:job:x')).rejects.toThrow(/NOPERM/);
    keda.disconnect();
  });
});
