import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { QueueKeys } from 'bullmq';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parsePolicy } from '../../src/auth/policy-file.ts';
import { readConfig, settingsTable } from '../../src/config/config.ts';
import { PROJECT_DIR } from '../../tools/dev/project.ts';
import { STEPS_QUEUE, WEBHOOKS_QUEUE } from '../../src/queue/jobs.ts';
import { fencedBlocks } from '../docs/blocks.ts';
import type { Manifest } from './manifests.ts';
import { containerOf, deployment, manifest, MANIFESTS, ofKind } from './manifests.ts';

const read = (path: string) => readFileSync(join(PROJECT_DIR, path), 'utf8');
const SETTINGS = manifest('ConfigMap', 'amiferry-settings').data ?? {};
const BOTH = ['amiferry-api', 'amiferry-worker'];

/** What the documented commands put into each Secret: its name, and the names in it. */
const SECRETS = new Map(
  fencedBlocks(read('docs/deploying.md'))
    .flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n'))
    .flatMap((line) => {
      const [, name] = /create secret generic (\S+)/.exec(line) ?? [];
      const keys = [...line.matchAll(/--from-(?:literal|file)=['"]?([\w.-]+)=/g)].map(([, key = '']) => key);
      return name === undefined ? [] : [[name, keys] as const];
    }),
);

/** Everything under a key, however deep. */
function allUnder(value: unknown, key: string): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    ...(name === key ? [inner] : []),
    ...allUnder(inner, key),
  ]);
}

describe('settings', () => {
  test('are settings of the service, and good ones', () => {
    const known = new Set(settingsTable().map(({ name }) => name));
    expect(Object.keys(SETTINGS).filter((name) => !known.has(name))).toEqual([]);
    expect(SECRETS.get('amiferry-secrets')?.filter((name) => !known.has(name))).toEqual([]);
    const config = readConfig(SETTINGS);
    expect(config.host).toBe('0.0.0.0');
    const port = (name: string) => containerOf(name).ports.map(({ containerPort }) => containerPort);
    expect([port('amiferry-api'), port('amiferry-worker')]).toEqual([
      [config.port],
      [config.workerHealthPort],
    ]);
    expect(config.queuePrefix).toBe('{amiferry}');
  });

  test('of files name files that are mounted, and the worker is not given the keys', () => {
    const mounted = (name: string) => containerOf(name).volumeMounts.map(({ mountPath }) => mountPath);
    const dir = (file = '') => file.slice(0, file.lastIndexOf('/'));
    expect(mounted('amiferry-api')).toEqual([
      '/tmp',
      dir(SETTINGS['POLICY_FILE']),
      dir(SETTINGS['API_KEYS_FILE']),
    ]);
    expect(mounted('amiferry-worker')).toEqual(['/tmp', dir(SETTINGS['POLICY_FILE'])]);
    const policy = manifest('ConfigMap', 'amiferry-policy').data ?? {};
    expect(Object.keys(policy)).toEqual([SETTINGS['POLICY_FILE']?.split('/').at(-1)]);
    expect(SECRETS.get('amiferry-api-keys')).toEqual([SETTINGS['API_KEYS_FILE']?.split('/').at(-1)]);
  });

  test('and policy agree: it is one the service takes, and names no region that the service does not know', () => {
    const { data = {} } = manifest('ConfigMap', 'amiferry-policy');
    const { principals } = parsePolicy(data['policy.json'] ?? '');
    const named = Object.values(principals).flatMap((rules) => [
      ...rules.sourceRegions,
      ...rules.destinationRegions,
    ]);
    expect(readConfig(SETTINGS).regions).toEqual(expect.arrayContaining([...new Set(named)]));
  });
});

describe('what is referred to is there', () => {
  const selects = (selector: Record<string, string>, labels: Record<string, string> = {}) =>
    Object.entries(selector).every(([key, value]) => labels[key] === value);

  test('every selector of pods selects one Deployment, the one of the same name', () => {
    const pods = ofKind('Deployment').map(({ metadata, spec }) => ({
      name: metadata.name,
      labels: (spec['template'] as Manifest).metadata.labels,
    }));
    const selectors = MANIFESTS.flatMap(({ kind, metadata, spec }) => {
      // A ServiceMonitor selects Services, and in a policy those who may come have selectors too.
      const one = (spec?.['podSelector'] ?? (kind === 'ServiceMonitor' ? undefined : spec?.['selector'])) as
        | Record<string, Record<string, string>>
        | undefined;
      return one === undefined ? [] : [[metadata.name, one['matchLabels'] ?? one] as const];
    });
    expect(selectors.length).toBeGreaterThanOrEqual(8);
    for (const [name, selector] of selectors) {
      const found = pods.filter(({ labels }) => selects(selector as Record<string, string>, labels));
      expect(found.map((pod) => pod.name)).toEqual([name]);
    }
    for (const name of BOTH) {
      const spread = allUnder(deployment(name).spec.template.spec, 'labelSelector') as {
        matchLabels: Record<string, string>;
      }[];
      expect(spread.map(({ matchLabels }) => matchLabels['app.kubernetes.io/name'])).toEqual([name, name]);
    }
  });

  test('ports, Services and scaled Deployments', () => {
    const api = manifest('Service', 'amiferry-api');
    const [port] = api.spec['ports'] as { name: string; targetPort: string }[];
    expect(containerOf('amiferry-api').ports.map(({ name }) => name)).toEqual([port?.targetPort]);
    expect(allUnder(manifest('Ingress', 'amiferry-api').spec, 'service')).toEqual([
      { name: api.metadata.name, port: { name: port?.name } },
    ]);
    const [endpoint] = manifest('ServiceMonitor', 'amiferry-api').spec['endpoints'] as { port: string }[];
    expect(endpoint?.port).toBe(port?.name);
    expect(
      selects(
        (
          manifest('ServiceMonitor', 'amiferry-api').spec['selector'] as {
            matchLabels: Record<string, string>;
          }
        ).matchLabels,
        api.metadata.labels,
      ),
    ).toBe(true);
    const [pods] = manifest('PodMonitor', 'amiferry-worker').spec['podMetricsEndpoints'] as {
      port: string;
    }[];
    expect(containerOf('amiferry-worker').ports.map(({ name }) => name)).toEqual([pods?.port]);
    for (const kind of ['HorizontalPodAutoscaler', 'ScaledObject']) {
      const [scaler] = ofKind(kind) as [Manifest];
      const { name } = scaler.spec['scaleTargetRef'] as { name: string };
      expect(name).toBe(scaler.metadata.name);
      // Two who say how many there are would pull against each other.
      expect(deployment(name).spec.replicas).toBeUndefined();
    }
    expect(ofKind('Service').map(({ metadata }) => metadata.name)).toEqual(['amiferry-api']);
  });

  test('ConfigMaps, Secrets, ServiceAccounts and what KEDA signs in with', () => {
    const names = (kind: string) => ofKind(kind).map(({ metadata }) => metadata.name);
    const pods = BOTH.map((name) => deployment(name).spec.template.spec);
    const configMaps = [...allUnder(pods, 'configMapRef'), ...allUnder(pods, 'configMap')] as {
      name: string;
    }[];
    expect(new Set(configMaps.map(({ name }) => name))).toEqual(new Set(names('ConfigMap')));
    expect(pods.map(({ serviceAccountName }) => serviceAccountName)).toEqual(names('ServiceAccount'));
    const keda = manifest('TriggerAuthentication', 'amiferry-queues').spec['secretTargetRef'] as {
      name: string;
      key: string;
    }[];
    expect(keda.map(({ name, key }) => [name, SECRETS.get(name)?.includes(key)])).toEqual(
      keda.map(() => ['amiferry-keda', true]),
    );
    const [metrics] = allUnder(ofKind('ServiceMonitor'), 'credentials') as { name: string; key: string }[];
    expect(SECRETS.get(metrics?.name ?? '')).toEqual([metrics?.key]);
    const used = [
      ...(allUnder(pods, 'secretRef') as { name: string }[]).map(({ name }) => name),
      ...(allUnder(pods, 'secretName') as string[]),
      ...keda.map(({ name }) => name),
      metrics?.name,
    ];
    expect(new Set(used)).toEqual(new Set(SECRETS.keys()));
    for (const { authenticationRef } of ofKind('ScaledObject').flatMap(
      ({ spec }) => spec['triggers'] as { authenticationRef: { name: string } }[],
    )) {
      expect(names('TriggerAuthentication')).toEqual([authenticationRef.name]);
    }
  });
});

describe('the image', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };

  test("is one and the same, of this project's version", () => {
    const images = BOTH.map((name) => containerOf(name).image);
    expect(new Set(images).size).toBe(1);
    expect(images[0]).toMatch(new RegExp(`/amiferry:${version}$`));
  });

  test('is started as Dockerfile and docker-compose.yml start it', () => {
    const [, command = '[]'] = /^CMD (\[.*\])$/m.exec(read('Dockerfile')) ?? [];
    expect(containerOf('amiferry-api').args).toEqual(JSON.parse(command));
    const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
      services: { worker: { command: string[] } };
    };
    expect(containerOf('amiferry-worker').args).toEqual(services.worker.command);
    const { scripts } = JSON.parse(read('package.json')) as { scripts: { worker: string } };
    expect(scripts.worker).toBe(`exec ${services.worker.command.join(' ')}`);
    for (const name of BOTH)
      expect(existsSync(join(PROJECT_DIR, containerOf(name).args.at(-1) ?? ''))).toBe(true);
  });
});

describe('pods', () => {
  test.each(BOTH)(
    '%s: not root, nothing to write to but /tmp, no capability, no token of the cluster',
    (name) => {
      const { spec } = deployment(name).spec.template;
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(containerOf(name).securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(spec.automountServiceAccountToken).toBe(false);
      const writable = containerOf(name).volumeMounts.filter(({ readOnly }) => readOnly !== true);
      expect(writable.map(({ mountPath }) => mountPath)).toEqual(['/tmp']);
    },
  );

  test.each(BOTH)('%s is given more time to end than it takes', (name) => {
    const source = read(containerOf(name).args.at(-1) ?? '');
    const phases = [...source.matchAll(/timeout: (\d+)/g)].map(([, ms]) => Number(ms) / 1000);
    expect(phases.length).toBeGreaterThan(5);
    const asked = containerOf(name).lifecycle?.preStop.sleep.seconds ?? 0;
    const takes = phases.reduce((sum, one) => sum + one, asked);
    expect(deployment(name).spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(takes + 2);
  });

  test('probes: restarted by what looks at nothing else, given requests by what looks at everything', () => {
    for (const name of BOTH) {
      const { startupProbe, livenessProbe, readinessProbe, ports } = containerOf(name);
      for (const probe of [startupProbe, livenessProbe, readinessProbe])
        expect(probe.httpGet.port).toBe(ports[0]?.name);
      expect(startupProbe.httpGet.path).toBe('/health/live');
      expect(livenessProbe.httpGet.path).toBe('/health/live');
      expect(readinessProbe.httpGet.path).toBe('/health/ready');
    }
  });
});

test('KEDA counts lists that BullMQ keeps waiting steps in, and never leaves no worker', () => {
  const keys = new QueueKeys(readConfig(SETTINGS).queuePrefix);
  const { spec } = manifest('ScaledObject', 'amiferry-worker');
  const triggers = spec['triggers'] as { metadata: { listName: string } }[];
  expect(triggers.map(({ metadata }) => metadata.listName)).toEqual(
    [STEPS_QUEUE, WEBHOOKS_QUEUE].map((name) => keys.toKey(name, 'wait')),
  );
  expect(spec['minReplicaCount']).toBeGreaterThanOrEqual(1);
});

test('network policies let out to DNS, HTTPS and Redis, and to no private address by HTTPS', () => {
  for (const name of BOTH) {
    const { egress, policyTypes } = manifest('NetworkPolicy', name).spec as {
      policyTypes: string[];
      egress: { to: { ipBlock?: { cidr: string; except?: string[] } }[]; ports: { port: number }[] }[];
    };
    expect(policyTypes).toEqual(['Ingress', 'Egress']);
    expect(egress.map(({ ports }) => ports.map(({ port }) => port))).toEqual([[53, 53], [443], [6379]]);
    const [, https] = egress;
    expect(https?.to[0]?.ipBlock?.except).toEqual(
      expect.arrayContaining(['10.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16']),
    );
  }
  const ports = (name: string) => allUnder(manifest('NetworkPolicy', name).spec['ingress'], 'port');
  expect(new Set(ports('amiferry-api'))).toEqual(new Set([readConfig(SETTINGS).port]));
  expect(ports('amiferry-worker')).toEqual([readConfig(SETTINGS).workerHealthPort]);
});
