import { describe, expect, test } from 'vitest';
import { readAmiEvent } from '../../src/domain/ami-event.ts';
import { amiEvent } from '../helpers/events-queue.ts';
import type { Template } from './cloudformation.ts';
import { readTemplate, resourcesOf, unknownNames } from './cloudformation.ts';
import type { Statement } from './iam.ts';
import { actionsOf, calledOperations, policyFiles, statementsOf } from './iam.ts';
import { moduleText, parseModule, unknownReferences } from './terraform.ts';

const DIR = 'deploy/accounts';
const PLACE = { account: '222222222222', region: 'eu-west-1' };
const HUB_KEYS = 'arn:aws:kms:*:111111111111:key/*';
const TRUSTED = ['api', 'worker'].map((process) => `arn:aws:iam::111111111111:role/amiferry-${process}`);
const REGIONS = ['us-east-1', 'eu-west-1', 'us-west-2'];
const REQUIRED = { TrustedRoleArns: TRUSTED.join(), ExternalId: 'the-external-id', Regions: REGIONS.join() };
const EVERYTHING = { ...REQUIRED, SourceKeyArns: HUB_KEYS, AllowSharing: 'true', AllowKeyGrants: 'true' };

/** The policy files of `deploy/iam/` that a role in another account has. */
const FILES = ['api', 'worker', 'worker-share', 'worker-grant-keys'];
/** The statements of worker.json that also have to name the keys of the sources. */
const FOR_SOURCE_KEYS = ['UseKeysThroughEc2', 'GrantKeysToEc2'];

const ofFile = (name: string) => statementsOf(policyFiles().get(`${name}.json`) ?? '');
const TARGET_ROLE = readTemplate(`${DIR}/cloudformation/target-role.yml`);
const FORWARD = readTemplate(`${DIR}/cloudformation/forward-events.yml`);

const roleOf = (parameters: Record<string, string>) =>
  resourcesOf(TARGET_ROLE, PLACE, parameters)['Role']?.Properties;

interface Policy {
  PolicyName: string;
  PolicyDocument: { Statement: Statement[] };
}

/** The policies of the role, by name. */
function policiesOf(parameters: Record<string, string>): Record<string, Statement[]> {
  const policies: Policy[] = roleOf(parameters).Policies;
  return Object.fromEntries(policies.map((one) => [one.PolicyName, one.PolicyDocument.Statement]));
}

/** What the policies of `deploy/iam/` are in the account of {@link PLACE}. */
const inAccount = (statements: Statement[]) =>
  JSON.parse(JSON.stringify(statements).replaceAll('111111111111', PLACE.account)) as Statement[];

const sourceKeys = () =>
  ofFile('worker')
    .filter(({ Sid }) => FOR_SOURCE_KEYS.includes(Sid))
    .map((statement) => ({ ...statement, Resource: [HUB_KEYS] }));

describe('the role of CloudFormation', () => {
  test('refers only to what the template has, and uses every parameter', () => {
    const { asked, unknown, unused } = unknownNames(TARGET_ROLE);
    expect(asked).toBeGreaterThan(30);
    expect({ unknown, unused }).toEqual({ unknown: [], unused: [] });
  });

  test('has the policies of deploy/iam for its account, and two statements for source keys', () => {
    const files = FILES.map((name) => [name, inAccount(ofFile(name))] as const);
    expect(
      policiesOf(EVERYTHING),
      'change deploy/accounts/cloudformation/target-role.yml as deploy/iam/*.json',
    ).toEqual({ ...Object.fromEntries(files), 'source-keys': sourceKeys() });
  });

  test('allows the operations that the source calls in other accounts, and nothing else', () => {
    const { direct } = actionsOf(Object.values(policiesOf(EVERYTHING)).flat());
    // CreateTags is allowed within CopyImage. SQS and STS are called with the service's own credentials.
    const called = calledOperations().filter((one) => /^(?:ec2|kms):/.test(one) && one !== 'ec2:CreateTags');
    expect(called).toContain('ec2:CopyImage');
    expect([...new Set(direct)].toSorted()).toEqual(called);
  });

  test('may not share, grant keys or use keys of other accounts unless that is asked for', () => {
    expect(Object.keys(policiesOf(REQUIRED))).toEqual(['api', 'worker', 'worker-share']);
    expect(Object.keys(policiesOf({ ...REQUIRED, AllowSharing: 'false' }))).toEqual(['api', 'worker']);
    const keys = policiesOf({ ...REQUIRED, AllowKeyGrants: 'true', SourceKeyArns: HUB_KEYS });
    expect(Object.keys(keys)).toEqual(['api', 'worker', 'source-keys', 'worker-share', 'worker-grant-keys']);
  });

  test('changes nothing without a condition or a resource, and reads only in the regions', () => {
    const allowed = Object.values(policiesOf(EVERYTHING))
      .flat()
      .filter(({ Effect }) => Effect === 'Allow');
    expect(allowed.length).toBeGreaterThan(10);
    const reads = /^(?:ec2|kms):(?:Describe|Get|List)[A-Za-z]+$/;
    for (const { Sid, Action, Resource, Condition } of allowed) {
      const changes = [Action].flat().some((action) => !reads.test(action));
      const isAnything = [Resource].flat().some((one) => /^\*$|:(?:image|snapshot)\/\*$/.test(one));
      if (changes && isAnything) expect(Object.keys(Condition ?? {}), Sid).not.toEqual([]);
      if ([Resource].flat().includes('*'))
        expect(Condition, Sid).toEqual({ StringEquals: { 'aws:RequestedRegion': REGIONS } });
      expect(
        [Action].flat().filter((action) => /^[^:]*\*|:\*/.test(action)),
        Sid,
      ).toEqual([]);
    }
  });

  test('is trusted to the named roles alone, with the external id, for at most an hour', () => {
    const { AssumeRolePolicyDocument, MaxSessionDuration } = roleOf(REQUIRED);
    expect(AssumeRolePolicyDocument.Statement).toEqual([
      {
        Sid: 'AmiferryWithTheExternalId',
        Effect: 'Allow',
        Principal: { AWS: TRUSTED },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'sts:ExternalId': 'the-external-id' } },
      },
    ]);
    expect(MaxSessionDuration).toBe(3600);
  });

  test('accepts no account and no wildcard as a trusted role, and hides the external id', () => {
    const allows = (name: string, value: string) =>
      new RegExp(`^(?:${String(TARGET_ROLE.Parameters[name]?.['AllowedPattern'])})$`).test(value);
    for (const arn of TRUSTED) expect(allows('TrustedRoleArns', arn)).toBe(true);
    for (const name of ['root', 'role/*', 'role/'])
      expect(allows('TrustedRoleArns', `arn:aws:iam::111111111111:${name}`), name).toBe(false);
    for (const arn of ['', '*', '111111111111']) expect(allows('TrustedRoleArns', arn), arn).toBe(false);
    for (const region of REGIONS) expect(allows('Regions', region)).toBe(true);
    for (const region of ['', '*', 'eu-*']) expect(allows('Regions', region), region).toBe(false);
    expect(allows('SourceKeyArns', HUB_KEYS)).toBe(true);
    for (const arn of ['*', 'arn:aws:kms:*:*:key/*']) expect(allows('SourceKeyArns', arn), arn).toBe(false);
    expect(allows('ExternalId', 'the-external-id')).toBe(true);
    const { ExternalId } = TARGET_ROLE.Parameters;
    expect(ExternalId).toMatchObject({ NoEcho: true, MinLength: 2, MaxLength: 1224 });
    expect(ExternalId).not.toHaveProperty('Default');
  });

  test('has the name of the roles that deploy/iam/assume-roles.json lets the service assume', () => {
    const [{ Resource: arns }] = ofFile('assume-roles') as [Statement];
    const names = [arns].flat().map((arn) => arn.split('/').at(-1));
    expect(new Set(names)).toEqual(new Set([TARGET_ROLE.Parameters['RoleName']?.Default]));
  });
});

type Pattern = Record<string, unknown>;

/** Whether EventBridge's pattern matches an event, for patterns of lists of values. */
function matches(pattern: Pattern, event: Pattern): boolean {
  return Object.entries(pattern).every(([key, wanted]) =>
    Array.isArray(wanted)
      ? wanted.includes(event[key])
      : matches(wanted as Pattern, (event[key] ?? {}) as Pattern),
  );
}

describe('EC2 events of another account', () => {
  const BUS = 'arn:aws:events:us-east-1:111111111111:event-bus/amiferry-events-accounts';
  const HUB = { account: '111111111111', region: 'us-east-1' };
  const forwarder = (place = PLACE) => resourcesOf(FORWARD, place, { EventBusArn: BUS });
  const hub = resourcesOf(readTemplate('deploy/events/cloudformation/queue.yaml'), HUB, {
    OrganizationId: 'o-a1b2c3d4e5',
  });
  const patternOf = (resources: Template['Resources'], name: string): Pattern =>
    resources[name]?.Properties.EventPattern;
  const event = (changes: object = {}) =>
    amiEvent('ami-0a1b2c3d4e5f60001', PLACE.region, { account: PLACE.account, ...changes });

  test('the template refers only to what it has', () => {
    const { unknown, unused } = unknownNames(FORWARD);
    expect({ unknown, unused }).toEqual({ unknown: [], unused: [] });
  });

  test('pass both rules, and the worker reads the account and the region where the image is', () => {
    const body = JSON.parse(event()) as Pattern;
    expect(matches(patternOf(forwarder(), 'Rule'), body)).toBe(true);
    expect(matches(patternOf(hub, 'AccountsRule'), body)).toBe(true);
    expect(matches(patternOf(hub, 'Rule'), body)).toBe(false);
    expect(readAmiEvent(event())).toEqual({ imageId: 'ami-0a1b2c3d4e5f60001', scope: PLACE });
  });

  test.each([
    ['another account', { account: '333333333333' }],
    ['another region', { region: 'us-west-2' }],
    ['another source', { source: 'my.app' }],
    ['another event', { 'detail-type': 'EBS Snapshot Notification' }],
    ['another state', { detail: { ImageId: 'ami-0a1b2c3d4e5f60001', State: 'pending' } }],
  ])('are not forwarded for %s', (_, changes) => {
    expect(matches(patternOf(forwarder(), 'Rule'), JSON.parse(event(changes)) as Pattern)).toBe(false);
  });

  test('are sent by a role that may do nothing else, and nothing is made in the account of the bus', () => {
    const { Role, Rule } = forwarder();
    expect(Role?.Properties.Policies).toHaveLength(1);
    expect(Role?.Properties.Policies[0].PolicyDocument.Statement).toEqual([
      { Effect: 'Allow', Action: 'events:PutEvents', Resource: BUS },
    ]);
    expect(Rule?.Properties.Targets).toMatchObject([{ Arn: BUS, RoleArn: '<Role.Arn>' }]);
    expect(forwarder(HUB)).toEqual({});
  });
});

const module = await parseModule(`${DIR}/terraform`);
const local = (name: string) => String(module.locals.find((one) => name in one)?.[name]);
const forward = (type: string) => module.resource[type]?.['forward']?.[0];

describe('the module of Terraform', () => {
  test('refers only to what it has, and uses every variable', () => {
    expect(unknownReferences(module)).toEqual({ unknown: [], unused: [] });
  });

  test('has the policies of deploy/iam, from their files, and replaces what is theirs', () => {
    const files = /for name in (\[[^\]]+\]) :/.exec(local('files'))?.[1] ?? '[]';
    expect(JSON.parse(files)).toEqual(FILES);
    const examples = [
      '"111111111111"',
      '"[\\"us-east-1\\", \\"eu-west-1\\", \\"us-west-2\\"]"',
      '"arn:aws:"',
    ];
    for (const quoted of [...examples, '"ec2.*.amazonaws.com"']) {
      expect(local('files')).toContain(quoted);
      expect(policyFiles().get('worker.json')).toContain(JSON.parse(quoted));
    }
    const named = /contains\((\[[^\]]+\])/.exec(local('source_keys'))?.[1] ?? '[]';
    expect(JSON.parse(named)).toEqual(FOR_SOURCE_KEYS);
    expect(sourceKeys()).toHaveLength(FOR_SOURCE_KEYS.length);
  });

  test('trusts the same roles for the same time as the CloudFormation template', () => {
    const [role] = module.resource['aws_iam_role']?.['target'] ?? [];
    const trust = String(role?.['assume_role_policy']);
    expect(trust).toMatch(/Principal += \{ AWS = var\.trusted_role_arns \}/);
    expect(trust).toMatch(/Condition += \{ StringEquals = \{ "sts:ExternalId" = var\.external_id \} \}/);
    expect(trust.match(/Effect/g)).toHaveLength(1);
    expect(role?.['max_session_duration']).toBe(roleOf(REQUIRED).MaxSessionDuration);
    expect(module.variable['external_id']?.[0]?.['sensitive']).toBe(true);
    const { TrustedRoleArns, Regions } = TARGET_ROLE.Parameters;
    for (const parameter of [TrustedRoleArns, Regions])
      expect(moduleText(`${DIR}/terraform`)).toContain(`regex("^${String(parameter?.['AllowedPattern'])}$"`);
    for (const [name, as] of [
      ['role_name', 'RoleName'],
      ['allow_sharing', 'AllowSharing'],
      ['allow_key_grants', 'AllowKeyGrants'],
    ] as const)
      expect(String(module.variable[name]?.[0]?.['default'])).toBe(TARGET_ROLE.Parameters[as]?.Default);
  });

  test('forwards no events by default, and otherwise those of every region of the account', () => {
    expect(module.variable['event_bus_arn']?.[0]?.['default']).toBeNull();
    expect(local('forwarding')).toBe('${var.event_bus_arn == null ? toset([]) : toset(var.regions)}');
    for (const type of ['aws_cloudwatch_event_rule', 'aws_cloudwatch_event_target'])
      expect(forward(type)).toMatchObject({ for_each: '${local.forwarding}', region: '${each.value}' });
    for (const type of ['aws_iam_role', 'aws_iam_role_policy'])
      expect(forward(type)?.['count']).toBe('${var.event_bus_arn == null ? 0 : 1}');
    const pattern = String(forward('aws_cloudwatch_event_rule')?.['event_pattern']);
    for (const line of ['"EC2 AMI State Change"', 'account = [local.account]', 'region  = [each.value]'])
      expect(pattern).toContain(line);
  });
});
