import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'yaml';
import { routerConfigSchema } from '../../operator/src/api/router-config.ts';
import { temporaryFolder } from '../../operator/src/testing/temporary-folder.ts';
import { ROOT, run } from '../setup/stage.ts';
import { helms, type Manifest, MINIMUM, MONITORING, pick, render, renderWith } from './render.ts';
import { containersOf, podOf, podSpecs } from './workloads.ts';

const CLOUDS = globSync('values-*.yaml', { cwd: join(ROOT, 'charts/quiver') }).toSorted();
const VARIANTS: Readonly<Record<string, object>> = {
  minimum: MINIMUM,
  Primary: { ...MINIMUM, cni: { mode: 'Primary', mtu: 1450 }, nodeTaint: true },
  Off: { ...MINIMUM, cni: { mode: 'Off' }, routerConfig: { fastPath: 'Auto' } },
  everything: {
    ...MINIMUM,
    metrics: Object.fromEntries(
      ['serviceMonitor', 'podMonitor', 'prometheusRule', 'dashboard'].map((key) => [key, { enabled: true }]),
    ),
    commonLabels: { team: 'net' },
    imagePullSecrets: [{ name: 'pull' }],
    priorityQuota: { enabled: true },
    networkPolicy: { metricsFrom: [{ namespaceSelector: {} }] },
    fabricSecret: { ...MINIMUM.fabricSecret, others: { '2': 'the-next-secret-of-32-characters-or-more' }, active: 1 },
    agent: { image: { digest: `sha256:${'0'.repeat(64)}` }, seLinuxOptions: { type: 'spc_t' } },
  },
};

function routerConfigOf(manifests: readonly Manifest[]): ReturnType<typeof routerConfigSchema.parse> {
  const { data } = pick(manifests, 'ConfigMap', 'quiver-router') as unknown as { data: Record<string, string> };
  return routerConfigSchema.parse(parse(data['router.yaml'] ?? ''));
}

describe('the chart', () => {
  it('has a file of values for each kind of cluster that it names', () => {
    const names = ['aks', 'bare-metal', 'eks', 'gke', 'kind'].map((name) => `values-${name}.yaml`);
    assert.deepEqual(CLOUDS, names);
  });

  for (const name of ['quiver', 'quiver-crds']) {
    it(`${name} is without fault for the linters of Helm 3 and 4, and whole when it is packaged`, async () => {
      const folder = temporaryFolder();
      const values = folder.write('values.yaml', JSON.stringify(name === 'quiver' ? MINIMUM : {}));
      const chart = join(ROOT, 'charts', name);
      for (const helm of (await helms()).values()) {
        const lint = await run(helm, ['lint', '--strict', '--values', values, chart]);
        assert.ok(lint.ok, lint.output);
        await run(helm, ['package', chart, '--destination', folder.path]);
        const [archive = ''] = globSync('*.tgz', { cwd: folder.path });
        const packed = (await run('tar', ['-tzf', join(folder.path, archive)])).output.trim().split('\n');
        const files = globSync('**/*', { cwd: chart, withFileTypes: true }).filter((entry) => entry.isFile());
        const paths = files.map((file) => relative(chart, join(file.parentPath, file.name)));
        assert.deepEqual(
          paths.filter((path) => !packed.includes(`${name}/${path}`)),
          [],
        );
      }
      folder.remove();
    });
  }

  for (const file of CLOUDS) {
    it(`renders with ${file}, in Helm 3 and 4 alike, to a configuration that the operator accepts`, async () => {
      const [three, four] = await Promise.all(
        [...(await helms()).values()].map((helm) => renderWith(helm, { files: [file] })),
      );
      assert.deepEqual(sorted(three ?? []), sorted(four ?? []));
      assert.equal(routerConfigOf(four ?? []).router, 'a');
    });
  }

  for (const [name, values] of Object.entries(VARIANTS)) {
    it(`renders the variant "${name}" in Helm 3 and 4 alike, to a configuration that the operator accepts`, async () => {
      const [three, four] = await Promise.all(
        [...(await helms()).values()].map((helm) => renderWith(helm, { values, apiVersions: MONITORING })),
      );
      assert.deepEqual(sorted(three ?? []), sorted(four ?? []));
      assert.equal(routerConfigOf(four ?? []).fabric, 'acme');
    });

    it(`runs no pod of the variant "${name}" with more than it needs`, async () => {
      for (const { owner, spec } of podSpecs(await render({ values, apiVersions: MONITORING }))) {
        for (const { name: container, securityContext: context, volumeMounts = [] } of containersOf(spec)) {
          const where = `${owner}, ${container}`;
          const { privileged, allowPrivilegeEscalation, readOnlyRootFilesystem } = context;
          const strict = { privileged, allowPrivilegeEscalation, readOnlyRootFilesystem };
          const wanted = { privileged: false, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true };
          assert.deepEqual(strict, wanted, where);
          assert.deepEqual(context.capabilities.drop, ['ALL'], where);
          assert.equal(context.seccompProfile.type, 'RuntimeDefault', where);
          const isAgent = owner.startsWith('DaemonSet');
          if (!isAgent) assert.equal(context.capabilities.add, undefined, where);
          assert.equal(spec.securityContext.runAsNonRoot === true, !isAgent, where);
          const known = new Set((spec.volumes ?? []).map((volume) => volume.name));
          assert.deepEqual(
            volumeMounts.filter((mount) => !known.has(mount.name)),
            [],
            where,
          );
        }
      }
    });
  }

  it('labels every object as users expect, and selects by what never changes', async () => {
    const manifests = await render();
    for (const { kind, metadata } of manifests) {
      const labels = Object.keys(metadata.labels ?? {});
      for (const label of ['name', 'instance', 'part-of', 'managed-by']) {
        assert.ok(labels.includes(`app.kubernetes.io/${label}`), `${kind} ${metadata.name} has no label ${label}`);
      }
    }
    for (const [kind, name] of [
      ['Deployment', 'quiver-operator'],
      ['DaemonSet', 'quiver-agent'],
    ] as const) {
      const { selector } = pick(manifests, kind, name)['spec'] as { selector: { matchLabels: object } };
      assert.deepEqual(Object.keys(selector.matchLabels), [
        'app.kubernetes.io/name',
        'app.kubernetes.io/instance',
        'app.kubernetes.io/component',
      ]);
    }
  });

  it('puts everything that has a namespace into that of the release', async () => {
    const clusterWide = new Set(['ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition']);
    for (const { kind, metadata } of await render({ namespace: 'elsewhere' })) {
      assert.equal(metadata.namespace, clusterWide.has(kind) ? undefined : 'elsewhere', `${kind} ${metadata.name}`);
    }
  });

  it('names objects after another release, too, within the limit of names', async () => {
    const manifests = await render({ release: 'net-of-a-department-with-a-very-long-name-1' });
    const names = manifests
      .filter(({ kind }) => kind !== 'CustomResourceDefinition')
      .map(({ metadata }) => metadata.name);
    assert.ok(names.every((name) => name.startsWith('net-of-a-department-') && name.length <= 63));
  });

  it('takes images by version, never by a tag that moves, or by digest where one is given', async () => {
    const images = (manifests: readonly Manifest[]): string[] => [
      ...new Set(podSpecs(manifests).flatMap(({ spec }) => containersOf(spec).map(({ image }) => image))),
    ];
    const { appVersion } = parse(readFileSync(join(ROOT, 'charts/quiver/Chart.yaml'), 'utf8')) as {
      appVersion: string;
    };
    const repositories = ['ghcr.io/quiver-dev/dataplane', 'ghcr.io/quiver-dev/operator'];
    assert.deepEqual(
      images(await render()).toSorted(),
      repositories.map((repository) => `${repository}:${appVersion}`),
    );
    const digest = `sha256:${'a'.repeat(64)}`;
    const values = { ...MINIMUM, operator: { image: { digest, tag: 'ignored' } }, agent: { image: { tag: 'v2' } } };
    assert.deepEqual(images(await render({ values })).toSorted(), [
      `${repositories[0]}:v2`,
      `${repositories[1]}@${digest}`,
    ]);
  });

  it('gives the agent the powers for the network and no others, more only for the cache in the kernel', async () => {
    const added = async (values: object): Promise<unknown> => {
      const agent = podOf(await render({ values }), 'DaemonSet', 'quiver-agent');
      return containersOf(agent).find(({ name }) => name === 'agent')?.securityContext.capabilities.add;
    };
    assert.deepEqual(await added(MINIMUM), ['NET_ADMIN', 'NET_RAW']);
    const cached = { ...MINIMUM, routerConfig: { fastPath: 'Auto' } };
    assert.deepEqual(await added(cached), ['NET_ADMIN', 'NET_RAW', 'BPF', 'PERFMON']);
  });

  it('gives agents no token but the one for the operator', async () => {
    const { automountServiceAccountToken, volumes = [] } = podOf(await render(), 'DaemonSet', 'quiver-agent');
    assert.equal(automountServiceAccountToken, false);
    const tokens = JSON.stringify(volumes).match(/"serviceAccountToken":\{[^}]*\}/g);
    assert.deepEqual(tokens, [
      '"serviceAccountToken":{"audience":"quiver.dev/operator","expirationSeconds":600,"path":"token"}',
    ]);
  });

  it('has no opinion about what the operator writes', async () => {
    const manifests = await render();
    for (const kind of ['Secret', 'ConfigMap']) {
      const { data, stringData, type } = pick(manifests, kind, 'quiver-authority') as Record<string, unknown>;
      assert.deepEqual({ data, stringData }, { data: undefined, stringData: undefined });
      assert.equal(type, kind === 'Secret' ? 'Opaque' : undefined);
    }
    const { selector } = pick(manifests, 'Service', 'quiver-operator')['spec'] as { selector?: object };
    assert.equal(selector, undefined);
    assert.deepEqual(
      manifests.filter(({ kind }) => ['EndpointSlice', 'Endpoints', 'Lease'].includes(kind)),
      [],
    );
  });

  it("lets agents start without an operator where the operator's own pods need their plugin", async () => {
    for (const mode of ['Chained', 'Primary', 'Off']) {
      const { volumes = [] } = podOf(
        await render({ values: { ...MINIMUM, cni: { mode } } }),
        'DaemonSet',
        'quiver-agent',
      );
      const authority = volumes.find(({ name }) => name === 'authority') as unknown as {
        configMap: { optional: boolean };
      };
      assert.equal(authority.configMap.optional, mode !== 'Off', mode);
    }
  });

  it('as a primary plugin needs neither the pod network nor names to start', async () => {
    const manifests = await render({ values: VARIANTS['Primary'] ?? {} });
    const operator = podOf(manifests, 'Deployment', 'quiver-operator');
    assert.equal(operator.hostNetwork, true);
    const tolerated = new Set((operator.tolerations ?? []).map(({ key }) => key));
    assert.ok(tolerated.has('node.kubernetes.io/not-ready'));
    assert.ok(tolerated.has('quiver.dev/agent-not-ready'));
    const agent = podOf(manifests, 'DaemonSet', 'quiver-agent');
    const { args = [] } = containersOf(agent).find(({ name }) => name === 'agent') ?? {};
    assert.equal(agent.enableServiceLinks, true);
    assert.ok(args.includes('--operator=$(QUIVER_OPERATOR_SERVICE_HOST):9443'));
    assert.deepEqual(routerConfigOf(manifests).kubernetes, {
      mode: 'Primary',
      masquerade: true,
      mtu: 1450,
      waypointAddress: 'InternalIP',
      podCidrs: [],
      serviceCidrs: [],
    });
  });

  it('without plugin touches no folder of plugins', async () => {
    const { initContainers, volumes = [] } = podOf(
      await render({ values: VARIANTS['Off'] ?? {} }),
      'DaemonSet',
      'quiver-agent',
    );
    assert.equal(initContainers, undefined);
    assert.doesNotMatch(JSON.stringify(volumes), /cni/);
  });

  it('replaces the operator when its configuration or secret changes, and agents by neither', async () => {
    const template = async (values: object, kind: string, name: string): Promise<unknown> =>
      (pick(await render({ values }), kind, name)['spec'] as { template: unknown }).template;
    const changed = { ...MINIMUM, routerConfig: { rejection: 'Silent' } };
    const operator = ['Deployment', 'quiver-operator'] as const;
    assert.notDeepEqual(await template(changed, ...operator), await template(MINIMUM, ...operator));
    const rotated = { ...MINIMUM, fabricSecret: { value: 'another-secret-of-32-characters-or-more' } };
    assert.notDeepEqual(await template(rotated, ...operator), await template(MINIMUM, ...operator));
    const agent = ['DaemonSet', 'quiver-agent'] as const;
    for (const values of [changed, rotated]) {
      assert.deepEqual(await template(values, ...agent), await template(MINIMUM, ...agent));
    }
  });

  it('keeps large numbers as they are', async () => {
    const values = { ...MINIMUM, routerConfig: { limits: { maxSessions: 16_777_216 } } };
    for (const helm of (await helms()).values()) {
      assert.equal(routerConfigOf(await renderWith(helm, { values })).limits.maxSessions, 16_777_216);
    }
  });
});

/** Helm 3 and 4 order objects differently. */
function sorted(manifests: readonly Manifest[]): Manifest[] {
  const key = ({ kind, metadata: { name } }: Manifest): string => `${kind} ${name}`;
  return manifests.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}
