import { AwsError } from '../errors.ts';
import { removeImage } from '../state/copies.ts';
import { ownImage, ownSnapshot, usersOf } from '../state/lookup.ts';
import { done, mutates } from './operation.ts';

/** DeregisterImage. It cancels a pending copy. With DeleteAssociatedSnapshots it returns the result for each snapshot. */
export const deregisterImage = mutates((request) => {
  const { parameters, world, region } = request;
  const image = ownImage(request, parameters.required('ImageId'));
  const deleteSnapshots = parameters.boolean('DeleteAssociatedSnapshots') === true;
  world.stateChanges.deregistered(image);
  removeImage(world, image);
  if (!deleteSnapshots) return done;
  const { snapshots } = world.region(region);
  const deleteSnapshotResultSet = image.devices.map(({ snapshotId }) => {
    if (usersOf(world, region, snapshotId).length > 0) return { snapshotId, returnCode: 'skipped' };
    snapshots.delete(snapshotId);
    return { snapshotId, returnCode: 'success' };
  });
  return { return: true, deleteSnapshotResultSet };
});

/** DeleteSnapshot; refused while an image uses the snapshot. */
export const deleteSnapshot = mutates((request) => {
  const { world, region, parameters } = request;
  const { snapshotId } = ownSnapshot(request, parameters.required('SnapshotId'));
  const [user] = usersOf(world, region, snapshotId);
  if (user !== undefined) {
    throw new AwsError(
      'InvalidSnapshot.InUse',
      `The snapshot ${snapshotId} is currently in use by ${user.imageId}`,
    );
  }
  world.region(region).snapshots.delete(snapshotId);
  return done;
});
