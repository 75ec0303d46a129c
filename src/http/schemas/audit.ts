import { Type } from 'typebox';
import type { Static } from 'typebox';
import { AUDIT_ACTIONS, AUDIT_OUTCOMES } from '../../domain/audit.ts';
import { CLOSED, component, nullable, nullableRef, oneOf, ref } from './component.ts';
import { JobId } from './fields.ts';
import { NamedImage } from './image.ts';
import { PermissionState } from './permissions.ts';

export const AuditEntry = component(
  'AuditEntry',
  Type.Object(
    {
      id: Type.String({ description: 'Ids increase with time.' }),
      at: Type.String({ format: 'date-time', description: "The time, by Redis' clock." }),
      action: oneOf(AUDIT_ACTIONS, {
        description:
          'A request (use-route: one without the scope of its route; open-queues: a browser got a session of /queues), or work: share-image, put-permissions-back.',
      }),
      outcome: oneOf(AUDIT_OUTCOMES, {
        description:
          'For a request: allowed | denied. For work: done | refused (nothing was changed) | failed.',
      }),
      principal: Type.String({ description: 'The principal: key:NAME, oidc:SUBJECT or anonymous.' }),
      credential: nullable(
        Type.String({
          description: 'Id of the key or token; null for work.',
        }),
      ),
      policyVersion: nullable(
        Type.String({
          description: 'Digest of the policy file that the decision is based on; null without one.',
        }),
      ),
      jobId: nullable(JobId),
      image: nullableRef(NamedImage),
      what: Type.Unsafe<object | null>({
        type: ['object', 'null'],
        additionalProperties: true,
        description: 'The change that was requested.',
      }),
      before: nullableRef(PermissionState),
      after: nullableRef(PermissionState),
      reasons: Type.Array(Type.String(), {
        description: 'Why the request was denied or refused, or why the work failed.',
      }),
      awsRequestIds: Type.Array(Type.String(), {
        description: "AWS' request ids of the calls that changed something.",
      }),
    },
    {
      ...CLOSED,
      description: 'One entry of the audit: a request or a piece of work, with its principal and outcome.',
    },
  ),
);

export const AuditPage = component(
  'AuditPage',
  Type.Object(
    {
      entries: Type.Array(ref(AuditEntry)),
      nextCursor: nullable(
        Type.String({
          description:
            'Give it as ?cursor= to get the next page; null on the last one. With filters a page may be short or empty without being the last.',
        }),
      ),
    },
    { ...CLOSED, description: 'Entries of the audit, newest first.' },
  ),
);

export type AuditPage = Static<typeof AuditPage>;
