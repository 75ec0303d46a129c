import { Redis } from 'ioredis';
import { freePort } from '../../helpers/free-port.ts';
import type { PrivateRedis } from '../../../tools/dev/private-redis.ts';
import { startPrivateRedis } from '../../../tools/dev/private-redis.ts';

/**
 * A private Redis that can be killed and comes back on the same port with what its append-only file holds. It writes
 * that file before it answers (appendfsync always): what was acknowledged is then never lost.
 */
export class KillableRedis {
  readonly port: number;
  readonly #dir: string;
  #running: PrivateRedis;

  private constructor(port: number, dir: string, running: PrivateRedis) {
    this.port = port;
    this.#dir = dir;
    this.#running = running;
  }

  static async start(dir: string): Promise<KillableRedis> {
    const port = await freePort();
    return new KillableRedis(port, dir, await launch(dir, port));
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** kill -9. Resolves once it has ended. */
  async kill(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    await this.#running.ended;
  }

  async startAgain(): Promise<void> {
    this.#running = await launch(this.#dir, this.port);
  }

  stop(): Promise<void> {
    return this.#running.stop();
  }
}

async function launch(dir: string, port: number): Promise<PrivateRedis> {
  const redis = await startPrivateRedis({ dir, appendonly: true, port });
  const connection = new Redis(port, '127.0.0.1');
  await connection.config('SET', 'appendfsync', 'always');
  connection.disconnect();
  return redis;
}
