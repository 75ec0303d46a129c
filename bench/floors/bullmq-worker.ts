import { createServer } from 'node:http';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';

/** The least that a worker could be: BullMQ's, with a job that does nothing, and an address for its health. */
const { PORT, REDIS_URL = '' } = process.env;

const redis = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
const worker = new Worker('floor', async () => {}, { connection: redis, prefix: '{floor}' });
await worker.waitUntilReady();
createServer((_request, response) => response.end('ok')).listen(Number(PORT), '127.0.0.1');
// So that its compile cache is written, as that of the service is: it is held against a floor with the same advantage.
process.once('SIGTERM', () => process.exit());
