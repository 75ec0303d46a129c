import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { kustomize, prometheusRule, RENDERED, RULE_FILE, sourcesDigest } from './kustomize.ts';
import type { Manifest } from './manifests.ts';
import { MANIFESTS, manifestsOf } from './manifests.ts';

const read = (path: string) => readFileSync(join(PROJECT_DIR, path), 'utf8');
const AGAIN = 'run "npm run render" and commit what it writes';

describe('what is rendered', () => {
  test("is of today's files", () => {
    const [, digest] = /^# sources: (\S+)$/m.exec(read(RENDERED)) ?? [];
    expect(digest, AGAIN).toBe(sourcesDigest());
  });

  test("has the alerts of today's deploy/prometheus-alerts.yml", () => {
    expect(read(RULE_FILE), AGAIN).toBe(prometheusRule());
  });

  const rendered = kustomize();
  if (rendered === null)
    process.stdout.write(
      'There is no kubectl 1.27 or newer here: rendered/aws.yaml is not rendered again.\n',
    );

  test.skipIf(rendered === null)('is what kubectl makes of it here', () => {
    expect(MANIFESTS, AGAIN).toEqual(manifestsOf(rendered ?? ''));
  });
});

/** The package that has the schema and the type of a manifest. */
function moduleOf({ apiVersion, kind }: Manifest): string {
  const packages: Record<string, string> = {
    'keda.sh': '@kubernetes-models/keda',
    'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
  };
  const [group = ''] = apiVersion.split('/');
  return `${packages[group] ?? 'kubernetes-models'}/${apiVersion}/${kind}`;
}

type Model = new (data: unknown) => { validate(): void };

describe('schemas', () => {
  const named = MANIFESTS.map((one) => [`${one.kind} ${one.metadata.name}`, one] as const);

  test.each(named)(
    '%s has all that is required, and every value is of the right form',
    async (_name, one) => {
      const models = (await import(moduleOf(one))) as Record<string, Model>;
      const Kind = models[one.kind];
      if (Kind === undefined) throw new Error(`there is no schema of ${one.kind}`);
      expect(() => new Kind(one).validate()).not.toThrow();
      expect(() => new Kind({ ...one, metadata: 'none' }).validate()).toThrow(/metadata/);
    },
  );

  const dir = join(PROJECT_DIR, '.amiferry', `manifest-types-${process.pid}`);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  /** The schemas let unknown fields pass, as Kubernetes itself drops them. TypeScript does not, in a literal. */
  test('no manifest has a field that Kubernetes does not know', () => {
    const literals = MANIFESTS.map(
      (one, i) => `const m${i}: import('${moduleOf(one)}').I${one.kind} = ${JSON.stringify(one, null, 1)};`,
    );
    const wrong = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      spec: { containers: [{ name: 'a', livenesProbe: {} }] },
    });
    literals.push(`// @ts-expect-error\nconst wrong: import('kubernetes-models/v1/Pod').IPod = ${wrong};`);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'manifests.ts'), `${literals.join('\n')}\nexport {};\n`);
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext'];
    const tsc = join(PROJECT_DIR, 'node_modules/.bin/tsc');
    const { stdout, status } = spawnSync(tsc, [...options, join(dir, 'manifests.ts')], { encoding: 'utf8' });
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
  });
});
