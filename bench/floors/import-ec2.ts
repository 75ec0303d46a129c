import { createServer } from 'node:http';
import { EC2Client } from '@aws-sdk/client-ec2';

/** A process that imports the EC2 SDK and does nothing with it. */
const client = new EC2Client({ region: 'us-east-1' });
const server = createServer((_request, response) => response.end(typeof client));
server.listen(Number(process.env['PORT']), '127.0.0.1');
// So that its compile cache is written, as that of the service is: it is held against a floor with the same advantage.
process.once('SIGTERM', () => process.exit());
