import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { callOf } from './calls.ts';
import { handleControl } from './control/routes.ts';
import { AwsError } from './errors.ts';
import { newRequestId } from './ids.ts';
import { serve } from './serve.ts';
import type { Simulation } from './simulation.ts';
import { ec2Failure, send, sendHalf } from './wire/answers.ts';
import { callerOf } from './wire/caller.ts';

const bodyLimit = 2 * 1024 * 1024;

/** Makes a server for EC2, STS, KMS and SQS at `/`, controlled at `/_simulator/`. The caller makes it listen. */
export function createSimulatorServer(simulation: Simulation): Server {
  return createServer((request, response) => {
    answer(simulation, request, response).catch((error: unknown) => {
      if (response.destroyed) return;
      send(response, newRequestId(), ec2Failure('', asRefusal(error)));
    });
  });
}

function asRefusal(error: unknown): AwsError {
  return error instanceof AwsError ? error : new AwsError('InternalError', String(error));
}

async function answer(
  simulation: Simulation,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await bodyOf(request);
  const path = request.url ?? '/';
  if (path.startsWith('/_simulator/')) {
    const { status, json } = handleControl(simulation, request.method ?? 'GET', path, body);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    return;
  }
  if (request.method !== 'POST') throw new AwsError('InvalidAction', 'Only POST is simulated', 405);
  const { authorization, 'x-amz-security-token': token } = request.headers;
  const caller = callerOf(authorization, typeof token === 'string' ? token : undefined);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const call = callOf(simulation, caller, request.headers, body, gone.signal);
  const outcome = await serve(simulation, caller, call);
  if (outcome === 'drop') request.socket.destroy();
  if (typeof outcome === 'string' || response.destroyed) return;
  if ('half' in outcome) sendHalf(response, call.requestId, outcome.half);
  else send(response, call.requestId, outcome);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > bodyLimit) throw new AwsError('RequestEntityTooLarge', `At most ${bodyLimit} bytes`, 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
