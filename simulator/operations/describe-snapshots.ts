import { AwsError } from '../errors.ts';
import { compileFilters, exactValues, readFilters, type FilterReaders } from '../state/filters.ts';
import { canSeeSnapshot, seenSnapshot } from '../state/lookup.ts';
import { stateAt } from '../state/lifecycle.ts';
import { pageOf } from '../state/pages.ts';
import { admits } from '../state/permissions.ts';
import { progressOf, snapshotState, type Snapshot } from '../state/snapshot.ts';
import { tagSet, visibleTags } from '../state/tags.ts';
import type { XmlObject } from '../wire/xml.ts';
import { reads, type Request } from './operation.ts';

const gibibyte = 1024 ** 3;

/** DescribeSnapshots: the snapshots that the caller can see, selected by ids, owners, sharees and filters, in pages. */
export const describeSnapshots = reads((request) => {
  const { parameters, world, account } = request;
  const ids = parameters.texts('SnapshotId');
  if (ids.length > 0 && parameters.text('MaxResults') !== undefined) {
    throw new AwsError(
      'InvalidParameterCombination',
      'The parameter MaxResults cannot be used with the parameter SnapshotId',
    );
  }
  const now = world.clock.now();
  const filters = readFilters(parameters);
  const matches = compileFilters(filters, readers(now), (snapshot: Snapshot) =>
    visibleTags(snapshot, account),
  );
  const owned = accountTest(
    parameters.texts('Owner'),
    account,
    (snapshot, owner) => snapshot.ownerId === owner,
  );
  const shared = accountTest(
    parameters.texts('RestorableBy'),
    account,
    (snapshot, sharee) => snapshot.ownerId === sharee || admits(snapshot.volumePermissions, sharee),
  );
  const wanted = (snapshot: Snapshot): boolean =>
    canSeeSnapshot(snapshot, account, now) && owned(snapshot) && shared(snapshot) && matches(snapshot);
  const page = pageOf(
    candidates(request, ids, exactValues(filters, 'snapshot-id')).filter(wanted),
    parameters,
  );
  return {
    snapshotSet: page.members.map((snapshot) => snapshotElements(request, snapshot)),
    nextToken: page.nextToken,
  };
});

/** Selects by ids, which must all exist; or by the ids in a filter, of which some may not exist; else all. */
function candidates(
  request: Request,
  ids: readonly string[],
  filtered: readonly string[] | undefined,
): Snapshot[] {
  const { snapshots } = request.world.region(request.region);
  if (ids.length === 0 && filtered === undefined) return [...snapshots.values()];
  const found =
    ids.length > 0
      ? [...new Set(ids)].map((id) => seenSnapshot(request, id))
      : [...new Set(filtered)].map((id) => snapshots.get(id)).filter((snapshot) => snapshot !== undefined);
  return found.sort((a, b) => a.sequence - b.sequence);
}

function accountTest(
  accounts: readonly string[],
  self: string,
  test: (snapshot: Snapshot, account: string) => boolean,
): (snapshot: Snapshot) => boolean {
  if (accounts.length === 0) return () => true;
  const wanted = accounts.map((account) => (account === 'self' ? self : account));
  const malformed = wanted.find((account) => !/^(?:\d{12}|amazon|all)$/.test(account));
  if (malformed !== undefined)
    throw new AwsError('InvalidUserID.Malformed', `Invalid user id: "${malformed}"`);
  return (snapshot) => wanted.some((account) => test(snapshot, account));
}

function readers(now: number): FilterReaders<Snapshot> {
  return new Map<string, (snapshot: Snapshot) => readonly string[]>([
    ['description', (snapshot) => [snapshot.description]],
    ['encrypted', (snapshot) => [String(snapshot.encrypted)]],
    ['owner-id', (snapshot) => [snapshot.ownerId]],
    ['progress', (snapshot) => [progressOf(snapshot, now)]],
    ['snapshot-id', (snapshot) => [snapshot.snapshotId]],
    ['start-time', (snapshot) => [new Date(snapshot.startedAt).toISOString()]],
    ['status', (snapshot) => [snapshotState(snapshot, now)]],
    ['volume-size', (snapshot) => [String(snapshot.volumeSize)]],
  ]);
}

function snapshotElements({ world, account }: Request, snapshot: Snapshot): XmlObject {
  const now = world.clock.now();
  const { state, message } = stateAt(snapshot.lifecycle, now);
  const { lifecycle, completionMinutes } = snapshot;
  const completedAt = lifecycle.kind === 'copying' ? lifecycle.endsAt : snapshot.startedAt;
  const standard = completionMinutes === undefined ? 'standard' : 'time-based';
  return {
    snapshotId: snapshot.snapshotId,
    volumeId: 'vol-ffffffff',
    status: state,
    statusMessage: message,
    startTime: new Date(snapshot.startedAt).toISOString(),
    completionTime: state === 'completed' ? new Date(completedAt).toISOString() : undefined,
    progress: progressOf(snapshot, now),
    ownerId: snapshot.ownerId,
    volumeSize: snapshot.volumeSize,
    description: snapshot.description,
    encrypted: snapshot.encrypted,
    kmsKeyId: snapshot.kmsKeyId,
    tagSet: tagSet(visibleTags(snapshot, account)),
    storageTier: 'standard',
    transferType: completionMinutes === null ? undefined : standard,
    completionDurationMinutes: completionMinutes ?? undefined,
    fullSnapshotSizeInBytes: snapshot.volumeSize * gibibyte,
  };
}
