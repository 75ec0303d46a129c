import type { App, AppDeps } from '../deps.ts';
import type { LogSource } from '../events/follow-log.ts';
import { OLDEST, startAt } from '../events/start-at.ts';
import { maySee } from '../principal.ts';
import { LastEventIdHeader } from '../schemas/parameters.ts';
import { EVENT_STREAM, problems, STREAM_ERRORS } from '../documented.ts';

const schema = {
  operationId: 'followJobs',
  tags: ['jobs'],
  summary: 'Follow the events of all jobs',
  description: `Server-sent events of every job that the caller may see, from now on. Each event has the
id that it has in \`GET /jobs/{id}/events\` too. With \`Last-Event-ID\` the stream continues after that event, as long as it is among about the
last 10,000; else it begins with a \`resync\` event: read \`GET /jobs\` then. It ends when the
client doesn't keep up, and after an hour (EVENT_STREAM_MINUTES): come back with \`Last-Event-ID\`. Swagger UI
shows a stream only when it has ended: follow it with \`curl -N\`.`,
  headers: LastEventIdHeader,
  response: { 200: EVENT_STREAM, ...problems(...STREAM_ERRORS) },
} as const;

export function allEvents(app: App, deps: AppDeps): void {
  app.get(
    '/events',
    { schema, exposeHeadRoute: false, config: { access: ['amis:read'] } },
    async (request, reply) => {
      const span = await deps.eventLog.span('all');
      const start = startAt(span, request.headers['last-event-id'], span?.last ?? OLDEST);
      const source: LogSource = {
        read: (after, limit) => deps.eventLog.read('all', after, limit),
        listen: (hear, missed) => deps.feed.listen(hear, missed),
        shows: (event) => maySee(request, event),
        isEnd: () => false,
      };
      return reply.sendEvents({ source, start, over: false, readInstead: '/jobs' });
    },
  );
}
