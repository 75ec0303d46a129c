import type { EC2Client } from '@aws-sdk/client-ec2';

/**
 * Passes a throttled call's error on to its caller: the SDK retries only other errors by itself. A step that is put off
 * waits for a call, while the SDK's own second try would come half a second later and be refused too.
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
