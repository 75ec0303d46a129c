import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', './test/helpers/progress-reporter.ts'],
    globalSetup: ['test/helpers/global-redis.ts'],
    // Bounds on what would never end; no test expects anything to be fast.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: 'forks',
    // There are as many processes as cores, and one more: V8's own threads would only take the cores from them.
    execArgv: ['--single-threaded'],
    // One more than the two cores that it is to do with: some tests wait for processes.
    maxWorkers: 3,
    // Test files share a process, so that the service's modules are loaded once for each of them and not for each file.
    isolate: false,
    coverage: { include: ['src/**/*.ts', 'simulator/**/*.ts', 'tools/**/*.ts'], reporter: ['text-summary'] },
    // Node runs TypeScript as it is, here as everywhere.
    experimental: { viteModuleRunner: false, nodeLoader: false },
  },
});
