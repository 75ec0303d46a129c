import { vi } from 'vitest';
import type { Ec2Gateway } from '../../src/aws/ec2/gateway.ts';
import type { Scope } from '../../src/domain/ami.ts';
import type { Service } from './service.ts';

type Change = Extract<keyof Ec2Gateway, 'copyImage' | 'modifyLaunchPermissions'>;
type Send = (scope: Scope, ...args: unknown[]) => Promise<unknown>;

/**
 * Runs a function while the next EC2 call is in flight: EC2 has made the change, and the worker does not have the answer or error
 * yet. Later calls are unaffected.
 * @param region limits this to the next call in that region
 */
export function whileInFlight(
  { gateway }: Pick<Service, 'gateway'>,
  change: Change,
  happens: () => Promise<unknown>,
  region?: string,
): void {
  const send = gateway[change].bind(gateway) as Send;
  const spy = vi.spyOn(gateway as Record<Change, Send>, change);
  spy.mockImplementation(async (scope, ...args) => {
    if (region !== undefined && scope.region !== region) return send(scope, ...args);
    spy.mockImplementation(send);
    const [answer] = await Promise.allSettled([send(scope, ...args)]);
    await happens();
    if (answer.status === 'rejected') throw answer.reason;
    return answer.value;
  });
}
