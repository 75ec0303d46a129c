import type { App, AppDeps } from '../deps.ts';
import { allEvents } from './all-events.ts';
import { cancelAndRetryRoutes } from './cancel-and-retry.ts';
import { checkAccountRoute } from './check-account.ts';
import { changePermissionsRoutes } from './change-permissions.ts';
import { copyImage } from './copy-image.ts';
import { getImageRoute } from './get-image.ts';
import { getJobRoute } from './get-job.ts';
import { getLineage } from './get-lineage.ts';
import { getPermissions } from './get-permissions.ts';
import { health } from './health.ts';
import { jobEvents } from './job-events.ts';
import { listAccountsRoute } from './list-accounts.ts';
import { listAudit } from './list-audit.ts';
import { listJobs } from './list-jobs.ts';
import { metrics } from './metrics.ts';
import { openApiDocument } from './open-api.ts';
import { queueRoutes } from './queues.ts';
import { redeliverRoute } from './redeliver.ts';

/** Registers every route; a new one is a file in this folder and a line here. */
export function registerRoutes(app: App, deps: AppDeps): void {
  // Requests that only read leave a part of the call budget to those that start work.
  const reading = { ...deps, gateway: deps.reader };
  copyImage(app, deps); //       POST /amis/:imageId/copies
  getLineage(app, reading); //      GET  /amis/:imageId/copies
  getImageRoute(app, reading); //   GET  /amis/:imageId
  getPermissions(app, reading); //  GET  /amis/:imageId/permissions
  changePermissionsRoutes(app, deps); // PUT, PATCH, DELETE /amis/:imageId/permissions
  listJobs(app, deps); //        GET  /jobs
  getJobRoute(app, deps); //     GET  /jobs/:id
  jobEvents(app, deps); //       GET  /jobs/:id/events
  allEvents(app, deps); //       GET  /events
  cancelAndRetryRoutes(app, deps); // POST /jobs/:id/cancel and /jobs/:id/retry
  listAccountsRoute(app, deps); //  GET  /accounts
  checkAccountRoute(app, deps); //  POST /accounts/:account/check
  listAudit(app, deps); //       GET  /audit
  redeliverRoute(app, deps); //  POST /jobs/:id/deliveries/:n/redeliver
  health(app, deps); //          GET  /health/live, /health/ready
  queueRoutes(app, deps); //     GET  /queues, /queues/*, POST and DELETE /queues/session
  metrics(app, deps); //         GET  /metrics
  openApiDocument(app); //       GET  /openapi.json (and /docs: plugins/openapi.ts)
}
