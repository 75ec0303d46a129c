import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/global-redis.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Most tests wait (for EC2's clock, for processes), so that two at a time do on two cores what one would do in twice the time.
    maxWorkers: 2,
  },
});
