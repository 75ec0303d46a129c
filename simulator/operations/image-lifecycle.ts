import { AwsError, invalidValue } from '../errors.ts';
import { imageState, type Image, type ImageState } from '../state/image.ts';
import { ownImage } from '../state/lookup.ts';
import { isPublic } from '../state/permissions.ts';
import { done, mutates, type Request } from './operation.ts';

const yearMs = 365.25 * 86_400_000;

function named(request: Request): Image {
  return ownImage(request, request.parameters.required('ImageId'));
}

/** EnableImageDeprecation: a time in the future, at most 10 years ahead, or 2 for a public image. */
export const enableImageDeprecation = mutates((request) => {
  const image = named(request);
  const text = request.parameters.required('DeprecateAt');
  const at = Date.parse(text);
  const now = request.world.clock.now();
  const years = isPublic(image.launchPermissions) ? 2 : 10;
  if (Number.isNaN(at) || at < now || at > now + years * yearMs) {
    throw invalidValue('DeprecateAt', text, `Expected a time from now to ${years} years ahead.`);
  }
  image.deprecatedAt = at;
  return done;
});

export const disableImageDeprecation = mutates((request) => {
  named(request).deprecatedAt = undefined;
  return done;
});

function move(request: Request, image: Image, from: ImageState, to: 'available' | 'disabled'): void {
  const state = imageState(image, request.world.clock.now());
  if (state !== from && state !== to) {
    throw new AwsError('InvalidAMIID.Unavailable', `The image ID '${image.imageId}' is ${state}`);
  }
  if (state !== to) request.world.stateChanges.settle(image, to);
}

/** DisableImage: removes all launch permissions. */
export const disableImage = mutates((request) => {
  const image = named(request);
  move(request, image, 'available', 'disabled');
  image.launchPermissions = new Map();
  return done;
});

/** EnableImage: does not restore launch permissions. */
export const enableImage = mutates((request) => {
  move(request, named(request), 'disabled', 'available');
  return done;
});
