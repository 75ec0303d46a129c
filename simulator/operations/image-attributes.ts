import { AwsError, invalidValue, missingParameter } from '../errors.ts';
import { endCopiesWithoutAccess } from '../state/copy-access.ts';
import { imageState } from '../state/image.ts';
import { ownImage } from '../state/lookup.ts';
import { changed } from '../state/permissions.ts';
import { devicesOf } from './describe-images.ts';
import { readPermissionChange } from './grantees.ts';
import { requireShareable } from './launch-rules.ts';
import { done, mutates, reads } from './operation.ts';

/** DescribeImageAttribute: launchPermission, description, productCodes, blockDeviceMapping; only for the owner. */
export const describeImageAttribute = reads((request) => {
  const attribute = request.parameters.required('Attribute');
  const image = ownImage(request, request.parameters.required('ImageId'));
  const { imageId } = image;
  if (attribute === 'launchPermission') {
    const grantees = [...image.launchPermissions.values()];
    return { imageId, launchPermission: grantees.map(({ kind, value }) => ({ [kind]: value })) };
  }
  if (attribute === 'description') return { imageId, description: { value: image.description } };
  if (attribute === 'productCodes') {
    return {
      imageId,
      productCodes: image.productCodes.map((productCode) => ({ productCode, type: 'marketplace' })),
    };
  }
  if (attribute === 'blockDeviceMapping') {
    return { imageId, blockDeviceMapping: devicesOf(image, request.world.clock.now()) };
  }
  throw invalidValue('Attribute', attribute, 'Not simulated.');
});

/** ModifyImageAttribute: the description, or launch permissions, of which all are changed or none. */
export const modifyImageAttribute = mutates((request) => {
  const { parameters, world } = request;
  const image = ownImage(request, parameters.required('ImageId'));
  const attribute = parameters.text('Attribute');
  const description =
    parameters.structure('Description').text('Value') ??
    (attribute === 'description' ? parameters.required('Value') : undefined);
  if (description !== undefined) {
    image.description = description;
    return done;
  }
  const { add, remove } = readPermissionChange(parameters, 'LaunchPermission');
  if (add.length + remove.length === 0) throw missingParameter('LaunchPermission');
  if (imageState(image, world.clock.now()) !== 'available') {
    throw new AwsError('InvalidAMIID.Unavailable', `The image ID '${image.imageId}' is not available`);
  }
  requireShareable(request, image, add, remove);
  image.launchPermissions = changed(image.launchPermissions, add, remove);
  endCopiesWithoutAccess(world);
  return done;
});

/** ResetImageAttribute: makes the image private. */
export const resetImageAttribute = mutates((request) => {
  const attribute = request.parameters.required('Attribute');
  if (attribute !== 'launchPermission')
    throw invalidValue('Attribute', attribute, 'Only launchPermission can be reset.');
  ownImage(request, request.parameters.required('ImageId')).launchPermissions = new Map();
  endCopiesWithoutAccess(request.world);
  return done;
});
