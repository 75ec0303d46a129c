import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify from 'fastify';
import { Type } from 'typebox';

/** The least that an HTTP service with a Swagger page could be: one typed route. */
const app = fastify().withTypeProvider<TypeBoxTypeProvider>();
await app.register(swagger, { openapi: { openapi: '3.1.0' } });
await app.register(swaggerUi, { routePrefix: '/docs' });
const schema = { response: { 200: Type.Object({ status: Type.String() }) } };
app.get('/health/live', { schema }, async () => ({ status: 'ok' }));
await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) });
// So that its compile cache is written, as that of the service is: it is held against a floor with the same advantage.
process.once('SIGTERM', () => process.exit());
