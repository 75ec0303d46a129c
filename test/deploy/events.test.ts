import { beforeAll, describe, expect, test } from 'vitest';
import type { Template } from './cloudformation.ts';
import { readTemplate, resourcesOf, unknownNames } from './cloudformation.ts';
import type { Statement } from './iam.ts';
import type { Terraform } from './terraform.ts';
import { parseModule, unknownReferences } from './terraform.ts';

const template = (name: string) => readTemplate(`deploy/events/cloudformation/${name}`);
const HUB = { account: '111111111111', region: 'us-east-1' };
const ORGANIZATION = 'o-a1b2c3d4e5';
/** What queue.yaml makes, by default or for an organization. */
const hub = (OrganizationId = '') => resourcesOf(template('queue.yaml'), HUB, { OrganizationId });

/** Who may do what with the queue. */
function statements(resources: Template['Resources']): Statement[] {
  return resources['QueuePolicy']?.Properties.PolicyDocument.Statement ?? [];
}

const TEMPLATES = ['queue.yaml', 'forward.yaml'];

describe.each(TEMPLATES)('cloudformation/%s', (name) => {
  test('refers only to what it has, and has no parameter for nothing', () => {
    const { asked, unknown, unused } = unknownNames(template(name));
    expect(asked).toBeGreaterThan(5);
    expect({ unknown, unused }).toEqual({ unknown: [], unused: [] });
  });
});

describe('terraform', () => {
  let module: Terraform;

  beforeAll(async () => {
    module = await parseModule('deploy/events/terraform');
  });

  test('refers only to what it has, and has no variable for nothing', () => {
    expect(unknownReferences(module)).toEqual({ unknown: [], unused: [] });
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
    expect(Resources['AccountsRule']?.Properties.EventPattern).toEqual(pattern);
    const [policy] = module.resource['aws_sqs_queue_policy']?.['events'] ?? [];
    for (const { Sid, Effect } of statements(Resources))
      expect(String(policy?.['policy'])).toMatch(new RegExp(`Sid += "${Sid}"\\s+Effect += "${Effect}"`));
  });
});

test('only the rules may send to the queue, by their own ARN and account, and nobody without TLS', () => {
  const rules = (resources: Template['Resources']) => {
    const [allow, deny] = statements(resources);
    expect(allow).toMatchObject({
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Condition: { StringEquals: { 'aws:SourceAccount': HUB.account } },
    });
    expect(deny).toMatchObject({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } });
    return allow?.Condition?.['ArnEquals'];
  };
  expect(rules(hub())).toEqual({ 'aws:SourceArn': '<Rule.Arn>' });
  expect(rules(hub(ORGANIZATION))).toEqual({ 'aws:SourceArn': ['<Rule.Arn>', '<AccountsRule.Arn>'] });
});

describe('other accounts', () => {
  test('may not forward anything by default', () => {
    const types = Object.values(hub()).map(({ Type }) => Type);
    expect(types.filter((type) => type.startsWith('AWS::Events::'))).toEqual(['AWS::Events::Rule']);
    expect(hub()['Rule']?.Properties.EventPattern.account).toEqual([HUB.account]);
  });

  test('of the organization alone may forward, to a bus that only the rule to the queue is on', () => {
    const { AccountsBusPolicy, AccountsRule, Rule } = hub(ORGANIZATION);
    expect(AccountsBusPolicy?.Properties).toMatchObject({
      EventBusName: '<AccountsBus>',
      Statement: {
        Effect: 'Allow',
        Principal: '*',
        Action: 'events:PutEvents',
        Resource: '<AccountsBus.Arn>',
        Condition: { StringEquals: { 'aws:PrincipalOrgID': ORGANIZATION } },
      },
    });
    expect(AccountsRule?.Properties.EventBusName).toBe('<AccountsBus>');
    expect(Rule?.Properties).not.toHaveProperty('EventBusName');
    expect(AccountsRule?.Properties.Targets).toEqual(Rule?.Properties.Targets);
  });
});
