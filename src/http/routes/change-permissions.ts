import { changePermissions, permissionRequest } from '../../commands/change-permissions.ts';
import type { App, AppDeps } from '../deps.ts';
import { imageNamed } from '../lookups.ts';
import { originOf } from '../origin.ts';
import { principalOf } from '../principal.ts';
import { ref } from '../schemas/component.ts';
import { ImagePath, ChangeHeaders, RegionQuery } from '../schemas/parameters.ts';
import { PermissionInput, PermissionPatch } from '../schemas/permissions.ts';
import { BODY_ERRORS, EC2_ERRORS, JOB_ACCEPTED, JOB_ERRORS, KEY_ERRORS, problems } from './documented.ts';

const SHARE = { access: ['amis:share'] } as const;

const SHARING_ERRORS = [
  'outside-policy',
  'image-not-found',
  'image-not-available',
  'not-image-owner',
  'aws-managed-key',
  'public-and-encrypted',
  'public-with-product-codes',
  'public-access-blocked',
  'too-many-sharees',
] as const;

const common = {
  tags: ['permissions'],
  params: ImagePath,
  querystring: RegionQuery,
  headers: ChangeHeaders,
  response: {
    ...JOB_ACCEPTED,
    ...problems(...BODY_ERRORS, ...JOB_ERRORS, ...KEY_ERRORS, ...EC2_ERRORS, ...SHARING_ERRORS),
  },
};

const put = {
  ...common,
  operationId: 'putPermissions',
  summary: 'Make the permissions exactly this',
  description:
    'Everybody who is not named loses what he had. What EC2 would refuse is refused now, with the reason, and nothing is changed.',
  body: ref(PermissionInput),
};

const patch = {
  ...common,
  operationId: 'patchPermissions',
  summary: 'Add and remove permissions',
  description:
    'Whoever is named in neither list stays as he is. Changes of one image are made one after the other.',
  body: ref(PermissionPatch),
};

const remove = {
  ...common,
  operationId: 'deletePermissions',
  summary: 'Make the image private again',
  description:
    'Only its owner may launch it then; access to its snapshots and grants that this service made go along.',
};

/** The three ways to change who may launch an image: one job each, all by the same command. */
export function changePermissionsRoutes(app: App, deps: AppDeps): void {
  const path = '/amis/:imageId/permissions';
  app.put(path, { schema: put, config: SHARE }, async (request, reply) => {
    const change = { mode: 'set' as const, set: permissionRequest(request.body) };
    return reply.sendJob(
      await changePermissions(
        deps,
        imageNamed(deps, request),
        change,
        principalOf(request),
        originOf(deps, request),
      ),
      202,
    );
  });
  app.patch(path, { schema: patch, config: SHARE }, async (request, reply) => {
    const { add = {}, remove: withdraw = {} } = request.body;
    const change = {
      mode: 'patch' as const,
      add: permissionRequest(add),
      remove: permissionRequest(withdraw),
    };
    return reply.sendJob(
      await changePermissions(
        deps,
        imageNamed(deps, request),
        change,
        principalOf(request),
        originOf(deps, request),
      ),
      202,
    );
  });
  app.delete(path, { schema: remove, config: SHARE }, async (request, reply) => {
    const change = { mode: 'set' as const, set: permissionRequest({}) };
    return reply.sendJob(
      await changePermissions(
        deps,
        imageNamed(deps, request),
        change,
        principalOf(request),
        originOf(deps, request),
      ),
      202,
    );
  });
}
