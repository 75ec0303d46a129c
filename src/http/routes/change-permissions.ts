import { changePermissions, permissionRequest } from '../../commands/change-permissions.ts';
import type { FastifyRequest } from 'fastify';
import type { PermissionChange } from '../../domain/permissions.ts';
import { AmiferryError } from '../../errors.ts';
import type { App, AppDeps } from '../deps.ts';
import { imageNamed } from '../lookups.ts';
import { originOf } from '../origin.ts';
import { principalOf } from '../principal.ts';
import { ref } from '../schemas/component.ts';
import { ImagePath, ChangeHeaders, ScopeQuery } from '../schemas/parameters.ts';
import { PermissionPatch, PermissionPut } from '../schemas/permissions.ts';
import { CHANGE_ERRORS, JOB_ACCEPTED, problems, SHARING_ERRORS } from '../documented.ts';

const SHARE = { access: ['amis:share'] } as const;

const ERRORS = [...CHANGE_ERRORS, ...SHARING_ERRORS, 'not-image-owner'] as const;

const common = {
  tags: ['permissions'],
  params: ImagePath,
  querystring: ScopeQuery,
  headers: ChangeHeaders,
  response: { ...JOB_ACCEPTED, ...problems(...ERRORS) },
};

/** Of the routes whose body may name webhook endpoints. */
const notified = {
  ...common,
  response: { ...JOB_ACCEPTED, ...problems(...ERRORS, 'webhooks-off', 'webhook-refused') },
};

const put = {
  ...notified,
  operationId: 'putPermissions',
  summary: 'Replace the permissions',
  description:
    'Accounts, organizations and units that are not named lose access. If EC2 would refuse the change, the request is refused with the reason and nothing is changed.',
  body: ref(PermissionPut),
};

const patch = {
  ...notified,
  operationId: 'patchPermissions',
  summary: 'Add and remove permissions',
  description:
    'Accounts, organizations and units that are named in neither list keep what they have. Several changes of one image are made one after the other.',
  body: ref(PermissionPatch),
};

const remove = {
  ...common,
  operationId: 'deletePermissions',
  summary: 'Make the image private again',
  description:
    'Afterwards only its owner may launch it. Access to its snapshots and the grants that this service made are withdrawn too.',
};

/** The three ways to change who may launch an image. Each makes one job with the same command. */
export function changePermissionsRoutes(app: App, deps: AppDeps): void {
  const path = '/amis/:imageId/permissions';
  const accept = async (request: ImageRequest, change: PermissionChange, notify?: string) =>
    changePermissions(
      deps,
      await imageNamed(deps, request),
      change,
      principalOf(request),
      originOf(deps, request),
      notify,
    );
  app.put(path, { schema: put, config: SHARE }, async (request, reply) => {
    const { notify, ...set } = request.body;
    const change = { mode: 'set', set: permissionRequest(set) } as const;
    return reply.sendJob(await accept(request, change, notify?.url), 202);
  });
  app.patch(path, { schema: patch, config: SHARE }, async (request, reply) => {
    const { notify, ...moves } = request.body;
    requireMoves(moves);
    const { add = {}, remove: withdraw = {} } = moves;
    const change = {
      mode: 'patch',
      add: permissionRequest(add),
      remove: permissionRequest(withdraw),
    } as const;
    return reply.sendJob(await accept(request, change, notify?.url), 202);
  });
  app.delete(path, { schema: remove, config: SHARE }, async (request, reply) =>
    reply.sendJob(await accept(request, { mode: 'set', set: permissionRequest({}) }), 202),
  );
}

type ImageRequest = FastifyRequest & { params: { imageId: string }; query: { region?: string } };

/** Refuses a body that names only a webhook endpoint. */
function requireMoves(moves: { add?: unknown; remove?: unknown }): void {
  if (moves.add !== undefined || moves.remove !== undefined) return;
  throw new AmiferryError(
    'validation-failed',
    'the body has neither "add" nor "remove": send one of them, or both',
    {
      errors: [{ pointer: '', message: 'the body must have "add" or "remove", or both' }],
    },
  );
}
