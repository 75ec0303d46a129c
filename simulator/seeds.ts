import { addImage, type NewImage } from './state/new-image.ts';
import type { World } from './state/world.ts';

/** The images of a fresh simulator. Documents and tests use these ids. */
const seeds: readonly NewImage[] = [
  {
    imageId: 'ami-0a1b2c3d4e5f60001',
    region: 'us-east-1',
    name: 'golden-web',
    description: 'Web server base image',
    tags: { Name: 'golden-web', team: 'web', release: '2026.11' },
    snapshots: [
      { snapshotId: 'snap-0a1b2c3d4e5f60001', sizeGiB: 8 },
      { snapshotId: 'snap-0a1b2c3d4e5f61001', sizeGiB: 20 },
    ],
    createdAt: '2026-11-02T09:15:00.000Z',
  },
  {
    imageId: 'ami-0a1b2c3d4e5f60002',
    region: 'us-east-1',
    name: 'golden-db',
    description: 'Database base image, encrypted under a customer key',
    tags: { Name: 'golden-db', team: 'data' },
    encrypted: true,
    kmsKeyId: 'alias/ami',
    snapshots: [
      { snapshotId: 'snap-0a1b2c3d4e5f60002', sizeGiB: 16 },
      { snapshotId: 'snap-0a1b2c3d4e5f61002', sizeGiB: 100 },
    ],
    createdAt: '2026-11-03T10:30:00.000Z',
  },
  {
    imageId: 'ami-0a1b2c3d4e5f60003',
    region: 'us-east-1',
    name: 'golden-legacy',
    description: 'Encrypted under aws/ebs, so it cannot be shared',
    tags: { Name: 'golden-legacy' },
    encrypted: true,
    snapshots: [{ snapshotId: 'snap-0a1b2c3d4e5f60003', sizeGiB: 10 }],
    createdAt: '2026-10-20T08:00:00.000Z',
  },
];

export function seed(world: World): void {
  for (const image of seeds) addImage(world, image);
}
