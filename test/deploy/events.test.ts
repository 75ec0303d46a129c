import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { findOnPath } from '../../tools/dev/redis-server.ts';
import type { Blocks, Terraform } from './terraform.ts';
import { parseModule } from './terraform.ts';

const EVENTS = join(PROJECT_DIR, 'deploy/events');
/** Runs a tool on them, should this machine have it: it is no package of ours. */
const judged = (tool: string, ...words: string[]) => {
  const { stdout, status } = spawnSync(tool, words, { encoding: 'utf8' });
  return { stdout, status };
};
/** A shell's answer for a command that it can't find, as a version manager's stand-in gives it. */
const NOT_FOUND = 127;

interface Template {
  Parameters: Record<string, unknown>;
  Conditions: Record<string, unknown>;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever CloudFormation has
  Resources: Record<string, { Type: string; Condition?: string; Properties: any }>;
  Outputs?: Record<string, { Value: unknown }>;
}

/** CloudFormation's short forms as its long ones: `!Ref x` is `{ Ref: 'x' }`. */
const tag = (name: string, as: string) => [
  { tag: name, resolve: (value: string) => ({ [as]: value }) },
  {
    tag: name,
    collection: 'seq' as const,
    resolve: (value: { toJSON(): unknown }) => ({ [as]: value.toJSON() }),
  },
];
const SHORT_FORMS = ['GetAtt', 'Sub', 'Not', 'Equals'].flatMap((name) => tag(`!${name}`, `Fn::${name}`));

function template(name: string): Template {
  const text = readFileSync(join(EVENTS, 'cloudformation', name), 'utf8');
  return parseYaml(text, { customTags: [...SHORT_FORMS, ...tag('!Ref', 'Ref')] }) as Template;
}

/** All that a template refers to. */
function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref') return [String(inner)];
    if (key === 'Fn::GetAtt') return [String(inner).split('.')[0] ?? ''];
    if (key === 'Fn::Sub') return [...String(inner).matchAll(/\$\{([^}]+)\}/g)].map(([, name = '']) => name);
    return references(inner);
  });
}

/** Who may do what with the queue. */
function statements(resources: Template['Resources']): { Sid: string; Effect: string }[] {
  return resources['QueuePolicy']?.Properties.PolicyDocument.Statement ?? [];
}

const TEMPLATES = ['queue.yaml', 'forward.yaml'];

describe.each(TEMPLATES)('cloudformation/%s', (name) => {
  test('refers only to what it has', () => {
    const { Parameters, Conditions, Resources, Outputs } = template(name);
    const known = new Set([...Object.keys(Parameters), ...Object.keys(Resources)]);
    const asked = references([Conditions, Resources, Outputs]);
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((one) => !one.startsWith('AWS::') && !known.has(one))).toEqual([]);
    const conditions = Object.values(Resources).flatMap(({ Condition }) => Condition ?? []);
    expect(Object.keys(Conditions)).toEqual(expect.arrayContaining(conditions));
    expect(conditions.length).toBeGreaterThan(0);
  });
});

test.runIf(findOnPath('cfn-lint'))('the CloudFormation templates are fine by cfn-lint', ({ skip }) => {
  const files = TEMPLATES.map((name) => join(EVENTS, 'cloudformation', name));
  const verdict = judged('cfn-lint', ...files);
  skip(verdict.status === NOT_FOUND, 'cfn-lint is not installed');
  expect(verdict).toEqual({ stdout: '', status: 0 });
});

describe('terraform', () => {
  let module: Terraform;

  beforeAll(async () => {
    module = await parseModule('deploy/events/terraform');
  });

  test('refers only to what it has, and has no variable for nothing', () => {
    const text = JSON.stringify(module);
    const named = (blocks: Blocks, prefix = '') =>
      Object.entries(blocks).flatMap(([type, byName]) =>
        Object.keys(byName).map((one) => `${prefix}${type}.${one}`),
      );
    const known = new Set([
      ...named(module.resource),
      ...named(module.data, 'data.'),
      ...Object.keys(module.variable).map((one) => `var.${one}`),
      ...module.locals.flatMap((one) => Object.keys(one)).map((one) => `local.${one}`),
    ]);
    const asked = new Set(text.match(/\b(?:var|local|data\.\w+|(?<!data\.)aws_\w+)\.\w+/g));
    expect([...asked].filter((one) => !known.has(one))).toEqual([]);
    for (const name of Object.keys(module.variable)) expect(asked).toContain(`var.${name}`);
  });

  test('puts everything regional into the region where it belongs', () => {
    for (const [type, byName] of Object.entries(module.resource)) {
      for (const [name, [block]] of Object.entries(byName)) {
        const region = type.startsWith('aws_iam_')
          ? undefined
          : `\${${name === 'forward' ? 'each.value' : 'var.home_region'}}`;
        expect(block?.['region'], `${type}.${name}`).toBe(region);
      }
    }
  });

  test('is the same as the CloudFormation templates', () => {
    const { Resources } = template('queue.yaml');
    const [queue] = module.resource['aws_sqs_queue']?.['events'] ?? [];
    const { Properties } = Resources['Queue'] ?? {};
    expect({
      MessageRetentionPeriod: queue?.['message_retention_seconds'],
      ReceiveMessageWaitTimeSeconds: queue?.['receive_wait_time_seconds'],
      VisibilityTimeout: queue?.['visibility_timeout_seconds'],
      SqsManagedSseEnabled: queue?.['sqs_managed_sse_enabled'],
    }).toEqual({
      MessageRetentionPeriod: Properties.MessageRetentionPeriod,
      ReceiveMessageWaitTimeSeconds: Properties.ReceiveMessageWaitTimeSeconds,
      VisibilityTimeout: Properties.VisibilityTimeout,
      SqsManagedSseEnabled: Properties.SqsManagedSseEnabled,
    });
    const pattern = module.locals.map((one) => one['pattern']).find((one) => one !== undefined);
    const inYaml = Resources['Rule']?.Properties.EventPattern;
    expect({ ...(pattern as object), account: null }).toEqual({ ...inYaml, account: null });
    const forwarded = template('forward.yaml').Resources['Rule']?.Properties.EventPattern;
    expect(forwarded).toEqual({ ...inYaml, region: [{ Ref: 'AWS::Region' }] });
    const [policy] = module.resource['aws_sqs_queue_policy']?.['events'] ?? [];
    for (const { Sid, Effect } of statements(Resources))
      expect(String(policy?.['policy'])).toMatch(new RegExp(`Sid += "${Sid}"\\s+Effect += "${Effect}"`));
  });

  test.runIf(findOnPath('terraform'))('is formatted as terraform does it', ({ skip }) => {
    const verdict = judged('terraform', 'fmt', '-check', '-diff', '-recursive', EVENTS);
    skip(verdict.status === NOT_FOUND, 'terraform is not installed');
    expect(verdict).toEqual({ stdout: '', status: 0 });
  });
});

test('only the rule may send to the queue, by its own ARN and account, and nobody without TLS', () => {
  const [allow, deny] = statements(template('queue.yaml').Resources);
  expect(allow).toMatchObject({
    Effect: 'Allow',
    Principal: { Service: 'events.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Condition: {
      ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': 'Rule.Arn' } },
      StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
    },
  });
  expect(deny).toMatchObject({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } });
});
