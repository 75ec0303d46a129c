import type { CopyJob } from '../../src/domain/job.ts';
import { newJobId } from '../../src/domain/job-id.ts';
import { OWN } from './account.ts';
import { UNTOUCHED } from '../../src/domain/retry-transitions.ts';

/** Makes a new record, by default with the destinations eu-west-1 and us-west-2. */
export function copyJob(
  changes: Partial<CopyJob>,
  regions: readonly string[] = ['eu-west-1', 'us-west-2'],
): CopyJob {
  const spec = { name: 'golden', description: null, copyTags: true, tags: {} };
  const options = { encrypted: null, kmsKeyId: null, completionDurationMinutes: null };
  return {
    kind: 'copy',
    id: newJobId(changes.createdAt ?? 1000),
    version: 1,
    image: { id: 'ami-0a1b2c3d4e5f60001', account: OWN, region: 'us-east-1', name: 'golden' },
    onFailure: 'keep',
    destinations: regions.map((region) => ({
      ...UNTOUCHED,
      spec: { account: OWN, region, ...spec, ...options },
      attempts: 1,
    })),
    permissions: null,
    warnings: [],
    notify: [],
    ownSecrets: [],
    deliveriesMade: 0,
    requestId: null,
    traceparent: null,
    requestedBy: 'tester',
    createdAt: 1000,
    updatedAt: 1000,
    finishedAt: null,
    ...changes,
  };
}
