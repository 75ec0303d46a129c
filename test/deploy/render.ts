import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { kustomize, prometheusRule, RENDERED, RULE_FILE, sourcesDigest } from './kustomize.ts';

/** `npm run render`: writes what follows from other files of deploy/, to be committed with them. */
writeFileSync(join(PROJECT_DIR, RULE_FILE), prometheusRule());
const text = kustomize();
if (text === null) {
  process.stderr.write(
    'npm run render needs kubectl 1.27 or newer on the PATH: it renders with its kustomize.\n',
  );
  process.exit(1);
}
const head = [
  '# What `kubectl kustomize deploy/kubernetes/overlays/aws` gives, to be read and tested. Made by `npm run render`.',
  `# sources: ${sourcesDigest()}`,
];
writeFileSync(join(PROJECT_DIR, RENDERED), `${head.join('\n')}\n${text}`);
process.stdout.write(`${RENDERED}\n`);
