import { writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { Unwind } from '../../tools/dev/unwind.ts';
import { B, C, externalIdFile } from '../helpers/accounts.ts';
import type { ImageName } from './access/claims.ts';
import { Claims } from './access/claims.ts';
import { watchAccess } from './access/watch.ts';
import type { Bounds } from './bounds.ts';
import { PROMISED } from './bounds.ts';
import type { Finding } from './checker.ts';
import { Client } from './client.ts';
import { Ec2 } from './ec2.ts';
import { Recovery } from './recovery.ts';
import { watchRules } from './referee.ts';
import type { Stack } from './stack/stack.ts';
import { startStack } from './stack/stack.ts';

/** What rounds are played on: a running stack, whoever calls it, and whoever watches. */
export interface Table {
  stack: Stack;
  client: Client;
  ec2: Ec2;
  recovery: Recovery;
  bounds: Bounds;
  /** What was seen to go wrong at any time since this was last emptied. */
  seen: Finding[];
  /** Who may see which image, as far as was accepted. */
  claims: Claims;
  /** The images that workers shared, unshared or removed since this was last called. */
  touched(): ImageName[];
  /** Stops everything. */
  clear(): Promise<void>;
}

export interface TableOptions {
  /** The source to run. */
  dir: string;
  /** A directory for the data. */
  home: string;
  workers: number;
  settings?: Record<string, string>;
  /** {@link PROMISED} unless given. */
  bounds?: Bounds;
  log(line: string): void;
}

/** Starts a stack and has it watched. What was started is stopped when this fails. */
export async function setTable({ home, bounds = PROMISED, ...options }: TableOptions): Promise<Table> {
  const unwind = new Unwind((phase, error) => options.log(`${phase} did not stop: ${String(error)}`));
  const seen: Finding[] = [];
  const found = (kind: Finding['kind'], what: string) => void seen.push({ kind, what });
  try {
    const stack = await startStack(
      {
        ...options,
        settings: { ACCOUNTS_FILE: accountsFileIn(home), ...options.settings },
        redisDir: await mkdtemp(join(home, 'redis-')),
        onCrash: (how) => found('wrong', how),
      },
      unwind,
    );
    watchRules(stack.traffic, found);
    const ec2 = new Ec2(stack.simulatorUrl);
    const claims = new Claims(stack.traffic);
    const { traffic, control } = stack;
    const touched = watchAccess({ traffic, claims, ec2, control, found });
    const client = new Client(stack.apiUrl, bounds.asking);
    await client.learn();
    await unwind.add('EC2 client', async () => ec2.close());
    return {
      stack,
      client,
      ec2,
      recovery: new Recovery(),
      bounds,
      seen,
      claims,
      touched,
      clear: () => unwind.run(),
    };
  } catch (error) {
    await unwind.run();
    throw error;
  }
}

/** The path of an accounts file with the accounts that copies go into. */
function accountsFileIn(home: string): string {
  const path = join(home, 'accounts.json');
  const role = { name: 'amiferry-target', externalIdFile: externalIdFile() };
  writeFileSync(path, JSON.stringify({ role, accounts: { [B]: {}, [C]: {} } }));
  return path;
}
