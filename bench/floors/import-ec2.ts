import { createServer } from 'node:http';
import { EC2Client } from '@aws-sdk/client-ec2';

/** A process that imports the EC2 SDK and does nothing with it. */
const client = new EC2Client({ region: 'us-east-1' });
const server = createServer((_request, response) => response.end(typeof client));
server.listen(Number(process.env['PORT']), '127.0.0.1');
