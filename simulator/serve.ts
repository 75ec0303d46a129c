import { setTimeout as sleep } from 'node:timers/promises';
import type { Call, Done } from './calls.ts';
import { AwsError } from './errors.ts';
import type { Fault } from './faults.ts';
import type { CopyImageCall } from './ledger.ts';
import type { Simulation } from './simulation.ts';
import { copiesUnderWay } from './state/copies.ts';
import { takeToken } from './throttle.ts';
import type { Answer } from './wire/answers.ts';
import type { Caller } from './wire/caller.ts';

/** An answer, or the effect of a fault on the connection. */
export type Outcome = Answer | { half: Answer } | 'hang' | 'drop';

/** Runs one call: ledger, fault, throttling, operation. Every call is counted, whatever its result. */
export async function serve(simulation: Simulation, caller: Caller, call: Call): Promise<Outcome> {
  const { faults, ledger } = simulation;
  const fault = faults.take(call.action, caller.region, caller.account);
  ledger.called(call.action, caller.region, call.mutates);
  const entry = entryFor(simulation, caller, call);
  const failed = (code: string): void => {
    ledger.failed(call.action, code);
    if (entry !== undefined) entry.error = code;
  };

  const before = fault?.when === 'after' ? undefined : await disturbance(fault, call, failed);
  const outcome = before ?? (await execute(simulation, caller, call, fault, entry, failed));
  const after = fault?.when === 'after' ? await disturbance(fault, call, failed) : undefined;
  const last = after ?? outcome;
  return fault?.half === true && typeof last === 'object' && 'body' in last ? { half: last } : last;
}

function entryFor(simulation: Simulation, caller: Caller, call: Call): CopyImageCall | undefined {
  if (call.action !== 'CopyImage' || call.form === undefined) return undefined;
  const { Action: _action, Version: _version, ...parameters } = Object.fromEntries(call.form);
  const at = new Date(simulation.world.clock.now()).toISOString();
  return simulation.ledger.copyCalled({ at, account: caller.account, region: caller.region, parameters });
}

const PAGE =
  '<!DOCTYPE html><html><head><title>Blocked</title></head><body><p>Ask your administrator.</p></body></html>';

/** What the fault answers instead of the call; undefined if it only delays, or concerns the copy. */
async function disturbance(
  fault: Fault | undefined,
  call: Call,
  failed: (code: string) => void,
): Promise<Outcome | undefined> {
  if (fault?.delayMs !== undefined) await sleep(fault.delayMs, undefined, { ref: false });
  if (fault?.hang === true || fault?.drop === true) {
    failed(fault.hang === true ? 'Hung' : 'Dropped');
    return fault.hang === true ? 'hang' : 'drop';
  }
  if (fault?.html === true) {
    failed('Html');
    return { status: fault.status ?? 200, contentType: 'text/html', body: PAGE };
  }
  if (fault?.error === undefined && fault?.status === undefined) return undefined;
  const code = fault.error ?? 'InternalError';
  failed(code);
  return call.refuse(new AwsError(code, fault.message ?? `Requested fault: ${code}`, fault.status));
}

/** The code of a call with credentials whose session has ended; EC2 has a code of its own. */
const EXPIRED: Readonly<Record<string, string>> = { ec2: 'RequestExpired', sts: 'ExpiredToken' };

function requireSession({ service, sessionEndsAt }: Caller): void {
  if (sessionEndsAt === null || sessionEndsAt > Date.now()) return;
  throw new AwsError(
    EXPIRED[service] ?? 'ExpiredTokenException',
    'The security token included in the request is expired',
  );
}

async function execute(
  simulation: Simulation,
  caller: Caller,
  call: Call,
  fault: Fault | undefined,
  entry: CopyImageCall | undefined,
  failed: (code: string) => void,
): Promise<Answer> {
  const { world, ledger } = simulation;
  const { account, region } = caller;
  try {
    requireSession(caller);
    if (world.settings.throttle && call.unlimited !== true)
      takeToken(world.scope(account, region), call.action, call.mutates, world.clock.now());
    const done: Done = await call.run({
      copyFails: fault?.copyFails,
      consistencyDelayMs: fault?.consistencyDelayMs,
      empty: fault?.empty,
      ignoresFilters: fault?.ignoresFilters,
      reverses: fault?.reverses,
      omits: fault?.omits,
    });
    if (entry !== undefined && done.imageId !== undefined) {
      ledger.copyAccepted(entry, done.imageId, copiesUnderWay(world, account, region).length);
    }
    return done.answer;
  } catch (error) {
    const refusal = error instanceof AwsError ? error : new AwsError('InternalError', String(error));
    failed(refusal.code);
    return call.refuse(refusal);
  }
}
