import { EC2Client } from '@aws-sdk/client-ec2';
import {
  startSimulator,
  type LedgerView,
  type Simulator,
  type SimulatorOptions,
} from '../../simulator/index.ts';

export const owner = '111111111111';
export const other = '222222222222';
export const golden = {
  web: 'ami-0a1b2c3d4e5f60001',
  db: 'ami-0a1b2c3d4e5f60002',
  legacy: 'ami-0a1b2c3d4e5f60003',
};

/** A speed at which simulated time all but stands still, so that only `advance` moves it. */
export const stopped = 1e-9;

/** A simulator on a free port, real SDK clients for it, and its controls. */
export interface Harness {
  readonly simulator: Simulator;
  /** The client of that region and account, made once; it never retries. */
  ec2(region?: string, account?: string): EC2Client;
  control(method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }>;
  /** A raw call, as that account: for what no client says. */
  raw(body: string, headers?: Record<string, string>): Promise<Response>;
  kms(
    action: string,
    input: unknown,
    region?: string,
    account?: string,
  ): Promise<{ status: number; json: unknown }>;
  calls(): Promise<LedgerView>;
  close(): Promise<void>;
}

export function authorization(region: string, account: string, service = 'ec2'): string {
  return `AWS4-HMAC-SHA256 Credential=${account}/20261123/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`;
}

export async function startHarness(options: SimulatorOptions = {}): Promise<Harness> {
  const simulator = await startSimulator(options);
  const clients = new Map<string, EC2Client>();

  function ec2(region = 'us-east-1', account = owner): EC2Client {
    const name = `${region}/${account}`;
    let client = clients.get(name);
    if (client === undefined) {
      const credentials = { accessKeyId: account, secretAccessKey: 'simulated' };
      client = new EC2Client({ region, endpoint: simulator.url, credentials, maxAttempts: 1 });
      clients.set(name, client);
    }
    return client;
  }

  async function control(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; json: unknown }> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${simulator.url}/_simulator/${path}`, {
      method,
      ...(body === undefined ? {} : { body: text }),
    });
    return { status: response.status, json: await response.json() };
  }

  function raw(
    body: string,
    headers: Record<string, string> = { authorization: authorization('us-east-1', owner) },
  ): Promise<Response> {
    return fetch(simulator.url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
  }

  async function kms(
    action: string,
    input: unknown,
    region = 'us-east-1',
    account = owner,
  ): Promise<{ status: number; json: unknown }> {
    const headers = {
      authorization: authorization(region, account, 'kms'),
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `TrentService.${action}`,
    };
    const response = await raw(JSON.stringify(input), headers);
    return { status: response.status, json: await response.json() };
  }

  return {
    simulator,
    ec2,
    control,
    raw,
    kms,
    async calls() {
      const response = await fetch(`${simulator.url}/_simulator/calls`);
      return (await response.json()) as LedgerView;
    },
    async close() {
      for (const client of clients.values()) client.destroy();
      await simulator.close();
    },
  };
}
