import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_DIR } from '../../tools/dev/project.ts';

const KUBERNETES = 'deploy/kubernetes';
export const OVERLAY = `${KUBERNETES}/overlays/aws`;
export const RENDERED = `${KUBERNETES}/rendered/aws.yaml`;
export const RULE_FILE = `${KUBERNETES}/components/monitoring/prometheus-rule.yaml`;

const read = (path: string) => readFileSync(join(PROJECT_DIR, path), 'utf8');

/** The overlay as kubectl renders it; `null` where there is no kubectl, or one too old to know what the files use. */
export function kustomize(): string | null {
  const version = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' });
  const [, major] = /Kustomize Version: v(\d+)\./.exec(version.stdout ?? '') ?? [];
  if (Number(major ?? 0) < 5) return null;
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', OVERLAY], {
    cwd: PROJECT_DIR,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`kubectl kustomize ${OVERLAY}: ${stderr}`);
  return stdout;
}

/** SHA-256 over every file that kustomize may read, by name: it tells whether a rendering is of today's files. */
export function sourcesDigest(): string {
  const hash = createHash('sha256');
  const files = readdirSync(join(PROJECT_DIR, KUBERNETES), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((one) => /\.\w+$/.test(one) && !one.startsWith('rendered')).toSorted()) {
    hash.update(`${file}\n${read(join(KUBERNETES, file))}\n`);
  }
  return hash.digest('hex');
}

/** The alerts for the Prometheus operator: those of deploy/prometheus-alerts.yml, word by word. */
export function prometheusRule(): string {
  const [, groups = ''] = /^(groups:[\s\S]*)$/m.exec(read('deploy/prometheus-alerts.yml')) ?? [];
  const indented = groups.trimEnd().replaceAll(/^(?=.)/gm, '  ');
  return `# Made by npm run render out of deploy/prometheus-alerts.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: amiferry
spec:
${indented}
`;
}
