import { Type } from 'typebox';
import { FINAL_EVENTS } from '../../domain/job-events.ts';
import { requireJob } from '../../commands/require-job.ts';
import { aboutJob } from '../../logging/log-context.ts';
import type { App, AppDeps } from '../deps.ts';
import type { LogSource } from '../events/follow-log.ts';
import { OLDEST, startAt } from '../events/start-at.ts';
import { principalOf } from '../principal.ts';
import { JobPath, LastEventIdHeader } from '../schemas/parameters.ts';
import { EVENT_STREAM, problems, STREAM_ERRORS } from '../documented.ts';

const schema = {
  operationId: 'followJob',
  tags: ['jobs'],
  summary: 'Follow the events of a job',
  description: `Server-sent events: first all events so far, then each new one, until the job has finished. Each event has the
id that the job's log has for it. With \`Last-Event-ID\` the stream continues after that event, without gap or repetition; an id
that is not of this log, or too old for it, replays nothing, and the stream begins with a \`resync\` event: then read the job.
204 means that the job has finished and no event comes after that one: do not reconnect. A client
that reads too slowly is disconnected, and every stream ends after an hour (EVENT_STREAM_MINUTES); both may reconnect.
Swagger UI shows a stream only when it has ended: follow one with \`curl -N\`.`,
  params: JobPath,
  headers: LastEventIdHeader,
  response: {
    200: EVENT_STREAM,
    204: Type.Null({ description: 'The job has finished, and Last-Event-ID is its last event.' }),
    ...problems(...STREAM_ERRORS, 'job-not-found'),
  },
} as const;

export function jobEvents(app: App, deps: AppDeps): void {
  app.get(
    '/jobs/:id/events',
    { schema, exposeHeadRoute: false, config: { access: ['amis:read'] } },
    async (request, reply) => {
      const { id } = request.params;
      const job = await requireJob(deps, id, principalOf(request));
      request.job = aboutJob(job);
      const span = await deps.eventLog.span({ jobId: id });
      const lastEventId = request.headers['last-event-id'];
      const over = job.finishedAt !== null;
      if (over && span?.last === lastEventId) return reply.code(204).send(null);
      const start = startAt(span, lastEventId, OLDEST);
      return reply.sendEvents({ source: sourceOf(deps, id), start, over, readInstead: `/jobs/${id}` });
    },
  );
}

function sourceOf({ eventLog, feed }: AppDeps, jobId: string): LogSource {
  return {
    read: (after, limit) => eventLog.read({ jobId }, after, limit),
    listen: (hear, missed) =>
      feed.listen((event) => {
        if (event.jobId === jobId) hear(event);
      }, missed),
    shows: () => true,
    isEnd: ({ type }) => FINAL_EVENTS.has(type),
  };
}
