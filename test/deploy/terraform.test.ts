import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '@cdktn/hcl2json';
import { describe, expect, test } from 'vitest';
import { parseRedisUrl } from '../../src/queue/redis-address.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { policyFiles } from './iam.ts';
import { manifest, ofKind } from './manifests.ts';
import type { Body } from './terraform.ts';
import { moduleText, parseModule } from './terraform.ts';

const DIR = 'deploy/terraform';
const TEXT = moduleText(DIR);
const terraform = await parseModule(DIR);
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
      readFileSync(join(PROJECT_DIR, DIR, 'terraform.tfvars.example'), 'utf8'),
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
    const replaced = [
      ...policies.matchAll(/"((?:[^"\\]|\\.)*)", (?:data|jsonencode|"arn:\$|"ec2\.\*\.\$)/g),
    ].map(([, text = '']) => JSON.parse(`"${text}"`) as string);
    expect(replaced).toEqual([
      '111111111111',
      '["us-east-1", "eu-west-1", "us-west-2"]',
      'arn:aws:',
      'ec2.*.amazonaws.com',
    ]);
    const ours = ['333333333333', '["eu-central-1"]', 'arn:aws-cn:', 'ec2.*.amazonaws.com.cn'];
    // That of EC2's events is the module's own: events.test.ts. Those of other accounts are attached by hand.
    const apart = new Set(['worker-events.json', 'assume-roles.json', 'organizations.json']);
    const files = [...policyFiles()].filter(([file]) => !apart.has(file));
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
