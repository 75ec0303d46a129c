import { invalidValue } from '../errors.ts';
import { blockPublicAccessOf, setBlockPublicAccess } from '../state/block-public-access.ts';
import { mutates, reads } from './operation.ts';

export const getImageBlockPublicAccessState = reads(({ world, account, region }) => ({
  imageBlockPublicAccessState: blockPublicAccessOf(world, account, region),
  managedBy: 'account',
}));

export const enableImageBlockPublicAccess = mutates(({ world, account, region, parameters }) => {
  const state = parameters.required('ImageBlockPublicAccessState');
  if (state !== 'block-new-sharing')
    throw invalidValue('ImageBlockPublicAccessState', state, 'Expected block-new-sharing.');
  setBlockPublicAccess(world, account, region, state);
  return { imageBlockPublicAccessState: state };
});

export const disableImageBlockPublicAccess = mutates(({ world, account, region }) => {
  setBlockPublicAccess(world, account, region, 'unblocked');
  return { imageBlockPublicAccessState: 'unblocked' };
});
