import assert from 'node:assert/strict';
import type { StoredObject } from '../../kubernetes/client/kube-object.ts';
import { keepCoreService, keepEndpointSlice, keepNamespace, keepNode, keepPod } from './core-objects.ts';

function stored(kind: string, rest: object, metadata: object = {}): StoredObject {
  const meta = { name: 'one', namespace: 'prod', uid: 'u1', resourceVersion: '7', managedFields: [{}], ...metadata };
  return { apiVersion: 'v1', kind, metadata: meta, ...rest };
}

const managed = { labels: { 'app.kubernetes.io/managed-by': 'quiver-operator' } };

describe('objects of a cluster, cut down', () => {
  it('keep of a node its addresses, prefixes and taints', () => {
    const taints = [
      { key: 'quiver.dev/agent-not-ready', effect: 'NoSchedule' },
      { key: 'other', value: 'x', effect: 'NoExecute' },
    ];
    const addresses = [
      { type: 'InternalIP', address: '10.0.0.1' },
      { type: 'Hostname', address: 'one' },
      { type: 'ExternalIP', address: '203.0.113.1' },
    ];
    const spec = { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24', 'fd00::/64'], taints };
    const annotations = { 'quiver.dev/waypoint': '198.51.100.1', other: 'x' };
    const kept = keepNode(stored('Node', { spec, status: { addresses } }, { annotations }), undefined);
    assert.deepEqual(kept, {
      node: {
        name: 'one',
        uid: 'u1',
        addresses: [
          { type: 'InternalIP', address: '10.0.0.1' },
          { type: 'ExternalIP', address: '203.0.113.1' },
        ],
        waypointAnnotation: '198.51.100.1',
        podCidrs: ['10.244.0.0/24', 'fd00::/64'],
        isTainted: true,
      },
      taints,
    });
    const other = keepNode(
      stored('Node', { spec: { ...spec, taints: taints.slice(0, 1) }, status: { addresses } }, { annotations }),
      kept,
    );
    assert.equal(other.node, kept.node);
  });

  it('keep of a node without anything just its name', () => {
    assert.deepEqual(keepNode(stored('Node', {}), undefined), {
      node: { name: 'one', uid: 'u1', addresses: [], podCidrs: [], isTainted: false },
      taints: [],
    });
    assert.deepEqual(keepNode(stored('Node', { spec: { podCIDR: '10.0.0.0/24' } }), undefined).node.podCidrs, [
      '10.0.0.0/24',
    ]);
  });

  it('keep of a namespace its labels', () => {
    assert.deepEqual(keepNamespace(stored('Namespace', {}, { labels: { env: 'prod' } })), {
      name: 'one',
      labels: { env: 'prod' },
    });
    assert.deepEqual(keepNamespace(stored('Namespace', {})).labels, {});
  });

  it('keep of a pod who it is and where', () => {
    const spec = { nodeName: 'node1', serviceAccountName: 'web', hostNetwork: true, containers: [{ image: 'x' }] };
    const status = { phase: 'Running', podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }, { ip: 'fd00::9' }] };
    assert.deepEqual(keepPod(stored('Pod', { spec, status }, { labels: { app: 'web' } })), {
      uid: 'u1',
      namespace: 'prod',
      name: 'one',
      labels: { app: 'web' },
      serviceAccount: 'web',
      node: 'node1',
      isHostNetwork: true,
      isFinished: false,
      addresses: ['10.0.0.9', 'fd00::9'],
    });
    const fresh = keepPod(stored('Pod', { spec: {} }));
    assert.deepEqual(
      [fresh.node, fresh.serviceAccount, fresh.isHostNetwork, fresh.addresses],
      ['', 'default', false, []],
    );
    for (const [phase, isFinished] of [
      ['Succeeded', true],
      ['Failed', true],
      ['Pending', false],
      ['Unknown', false],
    ] as const) {
      assert.equal(keepPod(stored('Pod', { status: { phase, podIP: '10.0.0.9' } })).isFinished, isFinished);
    }
    assert.deepEqual(keepPod(stored('Pod', { status: { podIP: '10.0.0.9' } })).addresses, ['10.0.0.9']);
  });

  it('keep of a static pod the uid by which its node knows it', () => {
    const hash = { 'kubernetes.io/config.hash': 'f00d' };
    const mirror = { ...hash, 'kubernetes.io/config.mirror': 'f00d' };
    assert.equal(keepPod(stored('Pod', {}, { annotations: mirror })).uid, 'f00d');
    assert.equal(keepPod(stored('Pod', {}, { annotations: hash })).uid, 'u1');
  });

  it('keep of a core Service its addresses and ports, and all of one that is ours', () => {
    const spec = {
      clusterIP: '10.96.0.10',
      clusterIPs: ['10.96.0.10', 'fd00::a'],
      type: 'NodePort',
      selector: { app: 'web' },
      ports: [{ name: 'dns', protocol: 'UDP', port: 53, targetPort: 'x' }, { port: 80 }],
    };
    const kept = keepCoreService(stored('Service', { spec }), undefined);
    assert.deepEqual(kept, {
      value: {
        namespace: 'prod',
        name: 'one',
        type: 'NodePort',
        clusterIps: ['10.96.0.10', 'fd00::a'],
        ports: [
          { name: 'dns', protocol: 'UDP', port: 53 },
          { name: '', protocol: 'TCP', port: 80 },
        ],
        isOwned: false,
      },
      owned: undefined,
    });
    const headless = keepCoreService(stored('Service', { spec: { clusterIP: 'None' } }, managed), undefined);
    assert.deepEqual(
      [headless.value.clusterIps, headless.value.type, headless.value.isOwned],
      [['None'], 'ClusterIP', true],
    );
    assert.deepEqual(headless.owned?.metadata, {
      name: 'one',
      namespace: 'prod',
      uid: 'u1',
      resourceVersion: '7',
      ...managed,
    });
    const later = keepCoreService(
      stored('Service', { spec: { clusterIP: 'None' } }, { ...managed, resourceVersion: '8' }),
      headless,
    );
    assert.equal(later.value, headless.value);
    assert.equal(later.owned?.metadata.resourceVersion, '8');
  });

  it('keep of an EndpointSlice one endpoint for each address, ready unless it says otherwise', () => {
    const endpoints = [
      { addresses: ['10.0.0.1', '10.0.0.2'], nodeName: 'node1', targetRef: { kind: 'Pod', name: 'a', uid: 'p1' } },
      { addresses: ['10.0.0.3'], conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ['10.0.0.4'], conditions: { ready: false }, targetRef: { kind: 'Node', uid: 'n1' } },
      { addresses: ['10.0.0.5'], conditions: { ready: null } },
    ];
    const ports = [{ name: 'http', port: 8080 }, { name: 'dns', port: 53, protocol: 'UDP' }, { name: 'all' }];
    const labels = { 'kubernetes.io/service-name': 'web' };
    const kept = keepEndpointSlice(
      stored('EndpointSlice', { addressType: 'IPv4', endpoints, ports }, { labels }),
      undefined,
    );
    const ready = { node: '', podUid: '', isReady: true, isServing: true, isTerminating: false };
    assert.deepEqual(kept?.value, {
      namespace: 'prod',
      name: 'one',
      service: 'web',
      family: 4,
      ports: [
        { name: 'http', protocol: 'TCP', port: 8080 },
        { name: 'dns', protocol: 'UDP', port: 53 },
      ],
      endpoints: [
        { ...ready, address: '10.0.0.1', node: 'node1', podUid: 'p1' },
        { ...ready, address: '10.0.0.2', node: 'node1', podUid: 'p1' },
        { ...ready, address: '10.0.0.3', isReady: false, isTerminating: true },
        { ...ready, address: '10.0.0.4', isReady: false, isServing: false },
        { ...ready, address: '10.0.0.5' },
      ],
      isOwned: false,
    });
    assert.equal(keepEndpointSlice(stored('EndpointSlice', { addressType: 'FQDN' }), undefined), undefined);
    assert.equal(
      keepEndpointSlice(stored('EndpointSlice', { addressType: 'IPv6' }, managed), undefined)?.value.family,
      6,
    );
  });
});
