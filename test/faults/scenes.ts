import { EVENTS_QUEUE } from '../helpers/events-queue.ts';
import { B, C } from '../helpers/accounts.ts';
import { until } from '../helpers/waiting.ts';
import { ENCRYPTED_SOURCE } from './client.ts';
import type { Stage } from './stage.ts';

/** What callers do in a round, so that the subject gets to some step. A trap is set before; the round settles after. */
export type Scene = (stage: Stage) => Promise<void>;

/** A copy, and others beside it. */
export const copy: Scene = async (stage) => {
  await Promise.all([stage.askSubject(), stage.askOthers()]);
};

/** Workers that listen to EC2's own events, and poll rarely meanwhile. */
export const listen: Scene = async (stage) => {
  const { workers, traffic } = stage.stack;
  const restart = (more: NodeJS.ProcessEnv) =>
    Promise.all(workers.map(({ process }) => process.restartWith(more)));
  const heard = new Set<string>();
  const unwatch = traffic.watch((seen) => {
    if (seen.link === 'ec2' && seen.phase === 'reply' && seen.action === 'ReceiveMessage')
      heard.add(seen.process);
    return undefined;
  });
  stage.cleanUp(unwatch);
  stage.cleanUp(() => restart({}));
  await restart({ EVENTS_QUEUE_URL: EVENTS_QUEUE, EVENTS_POLL_SECONDS: '2' });
  await until(() => heard.size === workers.length);
};

/** A copy of whose end EC2 tells. */
export const copyHeard: Scene = async (stage) => {
  await listen(stage);
  await copy(stage);
};

/** Copies to three regions by one request. */
export const copyThrice: Scene = async (stage) => {
  await Promise.all([stage.askSubject({ regions: stage.own.slice(0, 3) }), stage.askOthers(1)]);
};

/** A copy that arrives without one of the tags that were asked for. */
export const copyUntagged: Scene = async (stage) => {
  await Promise.all([stage.askSubject({ seconds: 1.5 }), stage.askOthers(1)]);
  await stage.untilSubject(([one]) => one?.state === 'pending');
  const image = stage.subject.traffic.named(stage.subject.name)?.destinations[0];
  await stage.ec2.stripTag(image?.spec.region ?? '', image?.imageId ?? '', 'release');
};

const SHAREE = '222222222222';

/** A copy under a customer key that is to be shared: one grant, one launch permission, two snapshots. */
export const share: Scene = async (stage) => {
  await Promise.all([
    stage.askSubject({
      kmsKeyId: 'alias/ami',
      permissions: { accounts: [SHAREE], includeSnapshots: true, grantKeyAccess: true },
    }),
    stage.askOthers(1),
  ]);
};

/** A copy under a customer key that is complete, and then shared as above. */
export const shareLater: Scene = async (stage) => {
  await Promise.all([stage.askSubject({ kmsKeyId: 'alias/ami' }), stage.askOthers(1)]);
  await stage.untilSubject((_, job) => job.finishedAt !== null);
  await stage.change('PATCH', { add: { accounts: [SHAREE], includeSnapshots: true, grantKeyAccess: true } });
};

/** A copy that was shared, and is made private again. */
export const withdraw: Scene = async (stage) => {
  await share(stage);
  await stage.untilSubject((_, job) => job.finishedAt !== null);
  await stage.change('DELETE');
};

/** Whether all of it was shared, and each once. */
export const expectShared: Scene = (stage) => expectAccess(stage, [SHAREE]);

/** Whether nothing of it is shared any more. */
export const expectPrivate: Scene = (stage) => expectAccess(stage, []);

async function expectAccess(stage: Stage, accounts: readonly string[]): Promise<void> {
  await stage.untilAllEnded();
  const image = stage.subject.traffic.named(stage.subject.name)?.destinations[0];
  const { imageId, kmsKeyId, spec } = image ?? {};
  const region = spec?.region ?? '';
  const snapshots = (await stage.ec2.images(region))
    .filter(({ ImageId }) => ImageId === imageId)
    .flatMap(({ BlockDeviceMappings }) => BlockDeviceMappings ?? [])
    .flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
  const [launch, volumes, grants] = await Promise.all([
    stage.ec2.launchPermissions(region, imageId ?? ''),
    Promise.all(snapshots.map((id) => stage.ec2.volumeAccounts(region, id))),
    stage.ec2.grants(region, kmsKeyId ?? ''),
  ]);
  const mine = grants.filter((name) => name.includes(imageId ?? '?'));
  const told = JSON.stringify([launch.map(({ UserId }) => UserId), volumes, mine.length]);
  const wanted = JSON.stringify([accounts, [accounts, accounts], accounts.length]);
  if (told !== wanted) stage.complain(`shared ${told} instead of ${wanted}`);
}

/** Copies into two other accounts, and another job's into one of them. */
export const copyAbroad: Scene = async (stage) => {
  const [first = '', second = ''] = stage.own;
  await stage.ask({ accounts: [B], regions: [second] });
  await Promise.all([stage.askSubject({ accounts: [B, C], regions: [first] }), stage.askOthers(1)]);
};

/** Copies into two other accounts, made of one copy in their region, which is removed at the end. */
export const copyVia: Scene = async (stage) => {
  await stage.askSubject({ accounts: [B, C], via: 'region', kmsKeyId: 'alias/ami' });
};

/** The same, and the job is cancelled while EC2 copies: the other job needs the access of one of the accounts for longer. */
export const cancelAbroad: Scene = async (stage) => {
  const [first = '', second = ''] = stage.own;
  await stage.ask({ accounts: [B], regions: [second], seconds: 3 });
  const { id } = await stage.askSubject({
    accounts: [B, C],
    regions: [first],
    seconds: 30,
    ends: ['cancelled'],
  });
  await stage.untilSubject((all) => all.every(({ state }) => state === 'pending'));
  await stage.client.cancel(id);
};

/** The same, and everybody is to lose access to the source while EC2 copies. */
export const putAbroad: Scene = async (stage) => {
  await stage.askSubject({ accounts: [B, C], seconds: 3 });
  await stage.untilSubject((all) => all.every(({ state }) => state === 'pending'));
  const { region, imageId } = ENCRYPTED_SOURCE;
  const id = await stage.client.change('PUT', region, imageId, { accounts: [] });
  stage.expected.set(id, ['succeeded']);
};

/** A copy whose intent is older than EC2 is trusted to know its token, and EC2 does not know it any more. */
export const copyTokenForgotten: Scene = async (stage) => {
  const restart = (more: NodeJS.ProcessEnv) =>
    Promise.all(stage.stack.workers.map(({ process }) => process.restartWith(more)));
  stage.cleanUp(() => stage.stack.control.settings({ tokenMemorySeconds: 86_400 }));
  stage.cleanUp(() => restart({}));
  await restart({ TOKEN_TRUST_SECONDS: '1' });
  await stage.stack.control.settings({ tokenMemorySeconds: 0 });
  await stage.askSubject();
};

/** A copy that is cancelled while EC2 works on it. */
export const cancelPending: Scene = async (stage) => {
  const [{ id }] = await Promise.all([
    stage.askSubject({ seconds: 30, ends: ['cancelled'] }),
    stage.askOthers(1),
  ]);
  await stage.untilSubject(([one]) => one?.state === 'pending');
  await stage.client.cancel(id);
};

/** The same, and EC2 takes its time to remove it: for so long a step is due. */
export const cancelSlowly: Scene = async (stage) => {
  const [region = ''] = stage.own;
  await stage.stack.control.fault({ action: 'DeregisterImage', region, delayMs: 2000 });
  await cancelPending(stage);
};

/** A copy that is cancelled while nobody knows yet whether EC2 heard of it. */
export const cancelInFlight: Scene = async (stage) => {
  const [{ id }] = await Promise.all([
    stage.askSubject({ seconds: 30, ends: ['cancelled'] }),
    stage.askOthers(1),
  ]);
  await stage.untilSubject(([one]) => one !== undefined && one.startedAt !== null);
  await stage.client.cancel(id);
};

/** Two copies of which the second fails after the first is complete, so that the first is taken down again. */
export const rollback: Scene = async (stage) => {
  const [first = '', second = ''] = stage.own;
  await stage.stack.control.fault({
    action: 'CopyImage',
    region: second,
    delayMs: 900,
    copyFails: { reason: 'Copy image failed with an internal error' },
  });
  await Promise.all([
    stage.askSubject({ regions: [first, second], onFailure: 'deregister', ends: ['failed'] }),
    stage.askOthers(1),
  ]);
};

/** A copy that fails, and is asked for again. */
export const retry: Scene = async (stage) => {
  const [region = ''] = stage.own;
  await stage.stack.control.fault({
    action: 'CopyImage',
    region,
    copyFails: {
      reason: 'Copy image failed with an internal error',
      snapshotReason: 'Given key ID is not accessible',
    },
  });
  const [{ id }] = await Promise.all([stage.askSubject(), stage.askOthers(1)]);
  await stage.untilSubject((_, job) => job.finishedAt !== null);
  await stage.client.retry(id, 1);
};

/** A copy whose first call EC2 throttles. */
export const copyThrottled: Scene = async (stage) => {
  const [region = ''] = stage.own;
  await stage.stack.control.fault({ action: 'CopyImage', region, error: 'RequestLimitExceeded' });
  await copy(stage);
};

/** A copy into a region whose only slot, by EC2's own limit, is taken until it has been told to wait. */
export const full: Scene = async (stage) => {
  await stage.stack.control.settings({ copySlots: 1 });
  stage.cleanUp(() => stage.stack.control.settings({ copySlots: 300 }));
  const [region = ''] = stage.own;
  const first = await stage.ask({ regions: [region], seconds: 60, ends: ['cancelled'] });
  await stage.untilRecord(first.id, ([one]) => one?.state === 'pending');
  await stage.askSubject();
  await stage.untilSubject(([one]) => one?.state === 'waiting');
  await stage.client.cancel(first.id);
};
