import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { fencedBlocks } from '../docs/blocks.ts';
import { COPIES, startApi } from '../http/api.ts';
import { untilChanged } from '../helpers/service.ts';
import { allowedActions, calledOperations, policyFiles } from './iam.ts';

const FILES = policyFiles();
const actionsOf = (...names: string[]) =>
  names.flatMap((name) => allowedActions(FILES.get(`${name}.json`) ?? '').direct);

const API = actionsOf('api');
const COPYING = actionsOf('worker');
const SHARING = actionsOf('worker', 'worker-share');
const ALL = actionsOf(
  'worker',
  'worker-share',
  'worker-grant-keys',
  'worker-events',
  'assume-roles',
  'organizations',
);

/** Copies get their tags within CopyImage. What is to be tagged by itself is left to a person (docs/iam.md). */
const WITHHELD = 'ec2:CreateTags';

/** No policy needs it, and none can deny it (STS API reference, GetCallerIdentity). */
const ALLOWED_TO_ALL = 'sts:GetCallerIdentity';

/** Of the operations that were called, those that are not among the actions. */
const beyond = (operations: readonly string[], actions: readonly string[]) => {
  const names = new Set([...actions, ALLOWED_TO_ALL].map((action) => action.split(':')[1]));
  return operations.filter((operation) => !names.has(operation));
};

test('docs/iam.md shows every policy as its file has it', () => {
  const page = readFileSync(join(PROJECT_DIR, 'docs/iam.md'), 'utf8');
  const shown = fencedBlocks(page).filter(({ info }) => info === 'json');
  expect(shown.map(({ text }) => text).toSorted()).toEqual([...FILES.values()].toSorted());
  for (const file of FILES.keys()) expect(page).toContain(`deploy/iam/${file}`);
});

describe('the policies allow', () => {
  const called = calledOperations();
  const direct = [...new Set([...API, ...ALL])].toSorted();

  test('every operation that the source calls, and nothing else', () => {
    expect(called).toContain('ec2:CopyImage');
    const needed = called.filter((operation) => operation !== WITHHELD && operation !== ALLOWED_TO_ALL);
    expect(
      direct,
      'deploy/iam/*.json and docs/iam.md have to allow exactly the operations that src calls',
    ).toEqual(needed);
  });

  test('EC2 to tag copies, and to use keys, on behalf of the worker alone', () => {
    const { indirect } = allowedActions(FILES.get('worker.json') ?? '');
    expect(indirect.toSorted()).toEqual([
      'ec2:CreateTags',
      'kms:CreateGrant',
      'kms:Decrypt',
      'kms:DescribeKey',
      'kms:GenerateDataKey*',
      'kms:ReEncrypt*',
    ]);
    const others = [...FILES].filter(([file]) => file !== 'worker.json');
    expect(others.flatMap(([, text]) => allowedActions(text).indirect)).toEqual([]);
  });

  test('the API to read, and not more', () => {
    expect(API.filter((action) => !/^(?:ec2|kms):(?:Describe|Get)[A-Za-z]+$/.test(action))).toEqual([]);
  });
});

/** An encrypted image of the simulator's, under a customer key. */
const ENCRYPTED = '/amis/ami-0a1b2c3d4e5f60002';

test('what the API, and then the worker, really call is allowed to each', async () => {
  const api = await startApi();
  try {
    const called = async () => Object.keys((await api.service.control.calls()).calls);
    const sharing = { accounts: ['222222222222'], includeSnapshots: true, grantKeyAccess: true };
    const encrypted = { encrypted: true, kmsKeyId: 'alias/ami' };
    await api.get('/health/ready');
    await api.get('/amis/ami-0a1b2c3d4e5f60001?region=us-east-1');
    await api.get(COPIES);
    await api.get(`${ENCRYPTED}/permissions?region=us-east-1`);
    const copies = {
      name: 'secret',
      ...encrypted,
      permissions: sharing,
      destinations: [{ region: 'eu-west-1' }],
    };
    const copied = (await api.post(`${ENCRYPTED}/copies?region=us-east-1`, copies)).json<{ id: string }>();
    const url = `${ENCRYPTED}/permissions?region=us-east-1`;
    const put = { method: 'PUT' as const, url, headers: { 'content-type': 'application/json' } };
    const changed = (await api.call({ ...put, payload: JSON.stringify(sharing) })).json<{ id: string }>();
    const byApi = await called();
    expect(byApi).toContain('DescribeKey');
    expect(beyond(byApi, API)).toEqual([]);

    await api.service.control.reset();
    await api.service.untilFinished(copied.id);
    await untilChanged(api.service, changed.id);
    const byWorker = await called();
    expect(byWorker).toEqual(expect.arrayContaining(['CopyImage', 'ModifyImageAttribute', 'CreateGrant']));
    expect(beyond(byWorker, ALL)).toEqual([]);
  } finally {
    await api.stop();
  }
});

test('without key grants, and without sharing, the worker needs only the policies of that', async () => {
  const api = await startApi();
  try {
    const { control } = api.service;
    const work = async (url: string, body: object) => {
      await control.reset();
      const { id } = (await api.post(url, body)).json<{ id: string }>();
      await control.reset();
      await api.service.untilFinished(id);
      return Object.keys((await control.calls()).calls);
    };
    const plain = await work(COPIES, { destinations: [{ region: 'eu-west-1' }] });
    expect(beyond(plain, COPYING)).toEqual([]);
    const key = { kmsKeyId: 'alias/ami', encrypted: true };
    const encrypted = await work(COPIES, { ...key, destinations: [{ region: 'eu-west-1' }] });
    expect(beyond(encrypted, COPYING)).toEqual([]);
    const shared = { destinations: [{ region: 'us-west-2' }], permissions: { accounts: ['222222222222'] } };
    const sharing = await work(COPIES, shared);
    expect(beyond(sharing, SHARING)).toEqual([]);
  } finally {
    await api.stop();
  }
});
