import type { Clock } from './clock.ts';
import { createSimulatorServer } from './server.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { Simulation } from './simulation.ts';

export type { CopyImageCall, LedgerView } from './ledger.ts';
export type { Fault } from './faults.ts';
export type { NewImage } from './state/new-image.ts';
export type { Settings } from './settings.ts';
export { EXTERNAL_ID } from './sts/operations.ts';
export { seededKeyId } from './state/keys.ts';

export interface SimulatorOptions extends Partial<Settings> {
  /** Default: 0, which means any free port. */
  readonly port?: number;
  readonly host?: string;
}

export interface Simulator {
  readonly url: string;
  readonly port: number;
  /** The simulated time, which a test in the same process can advance. A reset replaces this object. */
  readonly clock: Clock;
  /** Closes all connections, also unanswered ones, and the server. */
  close(): Promise<void>;
}

/**
 * Starts a simulated EC2 in memory. It verifies no signatures: never expose it beyond this machine.
 * @throws if the port is taken
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { port = 0, host = '127.0.0.1', ...settings } = options;
  const simulation = new Simulation({ ...defaultSettings, ...settings });
  const server = createSimulatorServer(simulation);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The simulator listens on no port');
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    get clock() {
      return simulation.world.clock;
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}
