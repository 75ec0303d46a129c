import { AwsError, missingParameter } from '../errors.ts';
import { compileFilters, readFilters } from '../state/filters.ts';
import { ownImage, ownSnapshot } from '../state/lookup.ts';
import { pageOf } from '../state/pages.ts';
import { mergeTags, readTags } from '../state/tags.ts';
import { done, mutates, reads, type Request } from './operation.ts';

interface Taggable {
  tags: Map<string, string>;
}

function taggables(request: Request): Taggable[] {
  const ids = request.parameters.texts('ResourceId');
  if (ids.length === 0) throw missingParameter('ResourceId');
  return ids.map((id) => {
    if (id.startsWith('ami-')) return ownImage(request, id);
    if (id.startsWith('snap-')) return ownSnapshot(request, id);
    throw new AwsError('InvalidID', `The ID '${id}' is not valid`);
  });
}

/** CreateTags: adds or overwrites tags, on all resources or on none. */
export const createTags = mutates((request) => {
  const tags = readTags(request.parameters.structures('Tag'));
  if (tags.size === 0) throw missingParameter('Tag');
  const merged = taggables(request).map((resource) => ({ resource, next: mergeTags(resource.tags, tags) }));
  for (const { resource, next } of merged) resource.tags = next;
  return done;
});

/** DeleteTags: the given keys, or, with a value, only tags with that value; without keys, all tags except `aws:` ones. */
export const deleteTags = mutates((request) => {
  const named = request.parameters
    .structures('Tag')
    .map((tag) => ({ key: tag.required('Key'), value: tag.text('Value') }));
  for (const resource of taggables(request)) {
    resource.tags = new Map(
      [...resource.tags].filter(([key, value]) => {
        if (named.length === 0) return key.startsWith('aws:');
        return !named.some((tag) => tag.key === key && (tag.value ?? value) === value);
      }),
    );
  }
  return done;
});

interface TagDescription {
  readonly sequence: number;
  readonly resourceId: string;
  readonly resourceType: 'image' | 'snapshot';
  readonly key: string;
  readonly value: string;
}

/** DescribeTags: the tags of the caller's own images and snapshots. */
export const describeTags = reads((request) => {
  const { world, account, region, parameters } = request;
  const { images, snapshots } = world.region(region);
  const own = [
    ...[...images.values()].map((image) => ({
      id: image.imageId,
      type: 'image' as const,
      ...ownerAndTags(image),
    })),
    ...[...snapshots.values()].map((snap) => ({
      id: snap.snapshotId,
      type: 'snapshot' as const,
      ...ownerAndTags(snap),
    })),
  ].filter(({ ownerId }) => ownerId === account);
  const all = own.flatMap(({ id, type, tags }) =>
    [...tags].map(([key, value]) => ({ resourceId: id, resourceType: type, key, value })),
  );
  const numbered = all.map((tag, index): TagDescription => ({ ...tag, sequence: index + 1 }));
  const matches = compileFilters(
    readFilters(parameters),
    readers,
    (tag: TagDescription) => new Map([[tag.key, tag.value]]),
  );
  const { members, nextToken } = pageOf(numbered.filter(matches), parameters);
  const tagSet = members.map(({ resourceId, resourceType, key, value }) => ({
    resourceId,
    resourceType,
    key,
    value,
  }));
  return { tagSet, nextToken };
});

function ownerAndTags(resource: { ownerId: string; tags: Map<string, string> }): {
  ownerId: string;
  tags: Map<string, string>;
} {
  return { ownerId: resource.ownerId, tags: resource.tags };
}

const readers = new Map<string, (tag: TagDescription) => readonly string[]>([
  ['key', (tag) => [tag.key]],
  ['resource-id', (tag) => [tag.resourceId]],
  ['resource-type', (tag) => [tag.resourceType]],
  ['value', (tag) => [tag.value]],
]);
