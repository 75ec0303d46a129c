import { expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { runCommand } from '../helpers/processes.ts';

interface Sbom {
  bomFormat: string;
  components: { name: string; version: string; purl: string }[];
}

test('npm run sbom lists what runs in production, and no more', async () => {
  const run = runCommand(PROJECT_DIR, 'npm', ['run', '--silent', '--loglevel=error', 'sbom'], {});
  expect(await run.ended, run.output()).toBe(0);
  const { bomFormat, components } = JSON.parse(run.output().replace(/^[^{]*/, '')) as Sbom;
  expect(bomFormat).toBe('CycloneDX');
  const names = components.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['fastify', 'jose', 'bullmq', '@aws-sdk/client-ec2']));
  expect(names.filter((name) => /^(vitest|typescript|oxlint|fast-check)$/.test(name))).toEqual([]);
  expect(components.filter(({ version, purl }) => version === '' || !purl.startsWith('pkg:npm/'))).toEqual(
    [],
  );
});
