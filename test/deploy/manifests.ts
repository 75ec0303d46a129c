import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { RENDERED } from './kustomize.ts';

type Labels = Record<string, string>;

export interface Probe {
  httpGet: { path: string; port: string };
}

export interface Container {
  name: string;
  image: string;
  args: string[];
  envFrom: { configMapRef?: { name: string }; secretRef?: { name: string } }[];
  ports: { name: string; containerPort: number }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  lifecycle?: { preStop: { sleep: { seconds: number } } };
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  securityContext: object;
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
}

export interface PodSpec {
  serviceAccountName: string;
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds: number;
  securityContext: object;
  containers: Container[];
  volumes: { name: string; configMap?: { name: string }; secret?: { secretName: string } }[];
}

/** A manifest, as far as the tests look into it. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Labels; annotations?: Labels };
  data?: Record<string, string>;
  spec: Record<string, unknown>;
}

export interface Deployment extends Manifest {
  spec: {
    replicas?: number;
    selector: { matchLabels: Labels };
    template: { metadata: { labels: Labels }; spec: PodSpec };
  } & Manifest['spec'];
}

/** The manifests of a YAML text, in order. @throws where it is no YAML */
export function manifestsOf(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS() as Manifest;
  });
}

/** What the overlay renders to. */
export const MANIFESTS = manifestsOf(readFileSync(join(PROJECT_DIR, RENDERED), 'utf8'));

export const ofKind = (kind: string) => MANIFESTS.filter((one) => one.kind === kind);

/** The one manifest of this kind and name; a ConfigMap's name may go on with the hash of what it holds. */
export function manifest(kind: string, name: string): Manifest {
  const found = ofKind(kind).filter(({ metadata }) =>
    kind === 'ConfigMap' ? metadata.name.startsWith(`${name}-`) : metadata.name === name,
  );
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`there are ${found.length} of ${kind} ${name}`);
  return only;
}

export const deployment = (name: string) => manifest('Deployment', name) as Deployment;

/** The one container of a Deployment. */
export function containerOf(name: string): Container {
  const { containers } = deployment(name).spec.template.spec;
  const [only] = containers;
  if (only === undefined || containers.length > 1)
    throw new Error(`${name} has ${containers.length} containers`);
  return only;
}
