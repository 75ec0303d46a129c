import type { EC2Client } from '@aws-sdk/client-ec2';

/**
 * Passes the error of a throttled call to its caller, and lets the SDK retry only other errors. A postponed step waits for the
 * call budget. The SDK's own second try would come half a second later and be throttled too.
 */
export function leaveThrottling({ config }: { config: Pick<EC2Client['config'], 'retryStrategy'> }): void {
  const standard = config.retryStrategy;
  config.retryStrategy = async () => {
    const strategy = await standard();
    if (!('refreshRetryTokenForRetry' in strategy)) return strategy;
    return {
      acquireInitialRetryToken: (scope) => strategy.acquireInitialRetryToken(scope),
      recordSuccess: (token) => strategy.recordSuccess(token),
      refreshRetryTokenForRetry: async (token, info) => {
        if (info.errorType === 'THROTTLING') throw new Error('throttled');
        return strategy.refreshRetryTokenForRetry(token, info);
      },
    };
  };
}
