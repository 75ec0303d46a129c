import { devNull } from 'node:os';

/** Quick enough for short rounds. What a round needs otherwise it sets itself. */
export const QUICK: Record<string, string> = {
  POLL_SECONDS: '0.1',
  SWEEP_SECONDS: '0.5',
  SLOT_RETRY_SECONDS: '1',
  LOST_COPY_SECONDS: '5',
  RETRY_SECONDS: '60',
  RATE_LIMIT: '0',
  // The simulated EC2 makes more copies here than a real one would let itself be asked for.
  EC2_CALL_SHARE: '1000',
};

/** The environment of one of our processes: nothing in it could reach a real AWS account. */
export function environment(
  redisPort: number,
  ec2Port: number,
  settings: Record<string, string>,
): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:AWS_|NODE_OPTIONS$|VITEST)/.test(name),
  );
  return {
    ...Object.fromEntries(inherited),
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: `http://127.0.0.1:${ec2Port}`,
    AWS_ACCESS_KEY_ID: 'AKIASIM111111111111',
    AWS_SECRET_ACCESS_KEY: 'simulated',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    ...settings,
  };
}
