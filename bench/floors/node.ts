import { createServer } from 'node:http';

/** Node alone. */
createServer((_request, response) => response.end('ok')).listen(Number(process.env['PORT']), '127.0.0.1');
// So that its compile cache is written, as that of the service is: it is held against a floor with the same advantage.
process.once('SIGTERM', () => process.exit());
