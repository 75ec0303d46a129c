import type { App, AppDeps } from '../deps.ts';
import { presentAuditPage } from '../present.ts';
import { AuditPage } from '../schemas/audit.ts';
import { AuditQuery } from '../schemas/parameters.ts';
import { answer, JOB_ERRORS, problems } from '../documented.ts';

const DEFAULT_LIMIT = 20;

const schema = {
  operationId: 'listAudit',
  tags: ['service'],
  summary: 'List the audit, newest first',
  description:
    'Every request to change something, allowed or denied, and every change of permissions with the state before and after. Redis keeps about the last AUDIT_ENTRIES entries; the log has all.',
  querystring: AuditQuery,
  response: {
    200: answer('A page of entries.', AuditPage),
    ...problems(...JOB_ERRORS),
  },
} as const;

export function listAudit(app: App, deps: AppDeps): void {
  app.get('/audit', { schema, config: { access: ['amis:admin'] } }, async (request) =>
    presentAuditPage(await deps.audit.list({ limit: DEFAULT_LIMIT, ...request.query })),
  );
}
