import { Queue } from 'bullmq';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify from 'fastify';
import { Redis } from 'ioredis';
import { Type } from 'typebox';

/** The least that accepting a copy could be: a typed route, its body checked, and one job put into a queue. */
const { PORT, REDIS_URL = '' } = process.env;

const redis = new Redis(REDIS_URL, { maxRetriesPerRequest: 1 });
const queue = new Queue('steps', { connection: redis, prefix: '{floor}', skipWaitingForReady: true });
const app = fastify().withTypeProvider<TypeBoxTypeProvider>();

const schema = {
  params: Type.Object({ imageId: Type.String({ pattern: '^ami-[0-9a-f]{17}$' }) }),
  querystring: Type.Object({ region: Type.String() }),
  body: Type.Object(
    {
      name: Type.Optional(Type.String({ minLength: 3, maxLength: 128 })),
      destinations: Type.Array(Type.Object({ region: Type.String() }), { minItems: 1, maxItems: 50 }),
    },
    { additionalProperties: false },
  ),
};

app.get('/health/live', async () => ({ status: 'ok' }));
app.post('/amis/:imageId/copies', { schema }, async (request, reply) => {
  const { id } = await queue.add('start-copy', { ...request.params, ...request.query, ...request.body });
  return reply.code(202).send({ id });
});
await app.listen({ host: '127.0.0.1', port: Number(PORT) });
// So that its compile cache is written, as that of the service is: it is held against a floor with the same advantage.
process.once('SIGTERM', () => process.exit());
