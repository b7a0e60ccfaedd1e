import assert from 'node:assert/strict';
import { Dump, Hop, StatusResponse } from '@quiver/dataplane-api';
import { type Plugin, samplePlugin } from '../../testing/run-plugin.ts';
import { facts, peerB, quiverObject, sampleTime, status } from '../../testing/sample-cluster.ts';
import { sampleSession } from '../../testing/sample-session.ts';
import { scratchFolder } from '../../testing/scratch.ts';
import type { KubeObject } from '../cluster.ts';
import { checks } from './checks.ts';

describe('kubectl quiver diagnose', () => {
  const plugin = samplePlugin(scratchFolder());
  const both = ['diagnose', '--context', 'a', '--context', 'b'];

  /** What the check says about cluster a: result and text of each finding. */
  async function findings(check: string, args: readonly string[] = ['diagnose']): Promise<readonly string[]> {
    const { stdout } = await plugin().run([...args, '-o', 'json']);
    const { clusters } = JSON.parse(stdout) as {
      clusters: { checks: { check: string; findings: { result: string; found: string; remedy: string }[] }[] }[];
    };
    const own = clusters[0]?.checks.find((one) => one.check === check);
    return (
      own?.findings.map(({ result, found, remedy }) => `${result}: ${found}${remedy === '' ? '' : ` -> ${remedy}`}`) ??
      []
    );
  }

  function peerA(): KubeObject {
    const waypoints = [1, 2].map((number) => ({ name: `a${number}`, address: `192.0.2.${number}` }));
    return quiverObject('Peer', 'a', { spec: { router: 'a', waypoints, connectivity: 'Bidirectional' } });
  }

  function answerFacts({ a }: Plugin, changed: object, node = 'a1'): void {
    a.answer(node, 'facts', { ...facts(node === 'a1' ? '192.0.2.1' : '192.0.2.2'), ...changed });
  }

  it('is a list of checks that hold, with what cannot be told from here', async () => {
    const { a, b, run } = plugin();
    a.server.add(peerB());
    b.server.add(peerA());
    const { code, stdout, stderr } = await run(both);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.equal(
      stdout.slice(0, stdout.indexOf('\n\n') + 1),
      `Cluster a, namespace quiver-system:
ok        definitions     4 definitions, all of this revision
ok        operator        1 of 1 pods ready
ok        leader          quiver-operator-0 leads in epoch 7
ok        agents          2 of 2 ready
ok        coverage        2 nodes, an agent on each
ok        connection      2 agents connected
ok        configuration   current on 2 nodes
ok        versions        program 0.1.0; operator 0.1.0; agents 0.1.0
ok        objects         1 ready
ok        clocks          nodes, operator and peers agree within 1 s
ok        secrets         version 1, the same on 2 nodes
ok        peer-objects    Peer b has the 2 waypoints of b
ok        peer-paths      4 paths up
ok        inbound         b reaches this cluster
ok        mtu             1500 on 2 uplinks
ok        pools           198.18.0.0/16, 169.254.96.0/20 are free
ok        local-ports     the ranges do not meet
ok        forwarding      IPv4 is forwarded on every node
ok        rp-filter       any value works; set: a1 2, a2 2
ok        kernel          TUN is there; 6.18.0
ok        cni             Chained on every node
21 checks: 21 ok, 0 with warnings, 0 failed, 0 cannot be told.
`,
    );
  });

  it('tells what failed, with the way out, and fails', async () => {
    const { a, run } = plugin();
    answerFacts(plugin(), { ipForward: { ipv4: false, ipv6: false } });
    a.server.add(peerB());
    const { code, stdout } = await run(['diagnose']);
    assert.equal(code, 1);
    assert.match(
      stdout,
      /\nFAILED {4}forwarding {6}a1 does not forward IPv4\n {26}-> set net\.ipv4\.ip_forward=1 on it\n/,
    );
    assert.match(
      stdout,
      /\nunknown {3}inbound {9}whether b reaches this cluster cannot be told: no session of it is here\n/,
    );
    assert.match(stdout, /\n21 checks: 18 ok, 0 with warnings, 1 failed, 2 cannot be told\.\n$/);
  });

  it('finds definitions that are missing or of another revision', async () => {
    const { a } = plugin();
    a.server.change('peers.quiver.dev', () => undefined);
    const without = (object: KubeObject) => JSON.stringify(object).replace('"export":{', '"exported":{');
    a.server.change('services.quiver.dev', (object) => JSON.parse(without(object)) as KubeObject);
    const found = await findings('definitions');
    assert.equal(
      found[0],
      'Failed: peers.quiver.dev is missing -> helm upgrade with crds.install=true, or install the chart quiver-crds',
    );
    assert.match(
      found[1] ?? '',
      /^Failed: services\.quiver\.dev is of another revision: spec\.export differs -> helm upgrade to the version/,
    );
  });

  it('finds operators that do not run, and a lease that nobody renews', async () => {
    const { a } = plugin();
    a.server.change('quiver-operator-0', (object) => ({ ...object, status: { phase: 'Pending' } }));
    assert.deepEqual(await findings('operator'), [
      'Failed: pod quiver-operator-0 is Pending -> kubectl -n quiver-system logs quiver-operator-0',
    ]);
    a.server.time += 60_000;
    assert.match(
      (await findings('leader')).join(),
      /^Failed: quiver-operator-0 led and was seen 1m1s ago; nodes go on/,
    );
    a.server.change('quiver-operator', () => undefined);
    assert.match((await findings('leader')).join(), /^Failed: there is no lease: no operator has started yet/);
  });

  it('finds agents that do not answer, and nodes without one', async () => {
    const { a } = plugin();
    a.ends.set('a2', { exitCode: 1, stderr: 'no router runs behind /run/quiver/agent.sock' });
    a.server.add({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'a9' } });
    assert.match(
      (await findings('agents')).join(),
      /^Failed: a2: no router runs behind .* -> kubectl -n quiver-system logs quiver-agent-a2 --all-containers$/,
    );
    assert.match((await findings('coverage')).join(), /^Warning: a9 has no agent -> let nodeSelector/);
  });

  it('says nothing about nodes of which none answers', async () => {
    const { a, run } = plugin();
    for (const node of ['a1', 'a2']) a.ends.set(node, { exitCode: 1, stderr: 'no router runs' });
    const { code, stdout } = await run(['diagnose']);
    assert.equal(code, 1);
    assert.match(stdout, /\nunknown {3}kernel {10}no node answers\n {26}-> see the check "agents"\n/);
    assert.match(stdout, /\n21 checks: 7 ok, 0 with warnings, 1 failed, 13 cannot be told\.\n$/);
  });

  it('finds agents that are not connected, not current, or of an older leader', async () => {
    const { a } = plugin();
    const { config, operatorLink } = status('a', 'a1');
    const change = (changed: object) =>
      a.answer('a1', 'status', StatusResponse.toJSON(StatusResponse.fromPartial({ ...status('a', 'a1'), ...changed })));
    change({ operatorLink: { ...operatorLink, connected: false, reason: 'connection refused' } });
    assert.match(
      (await findings('connection')).join(),
      /^Failed: a1 does not reach the operator: connection refused -> /,
    );
    change({ config: { ...config, epoch: 6n } });
    assert.match(
      (await findings('connection')).join(),
      /^Warning: a1 has the configuration of epoch 6, the leader's is 7/,
    );
    change({
      config: { ...config, rejectedVersion: 5n, rejected: [{ field: 'tenants[x]', message: 'is wrong', code: 'X' }] },
    });
    assert.match((await findings('configuration')).join(), /^Failed: a1 refused version 5: tenants\[x\]: is wrong -> /);
    change({ config: undefined });
    assert.match((await findings('configuration')).join(), /^Failed: a1 has none -> /);
  });

  it('names every object that is not ready', async () => {
    const { a } = plugin();
    a.server.add(quiverObject('Service', 'prod/db', { ready: ['False', 'NoRoute', 'nothing reaches it'] }));
    assert.deepEqual(await findings('objects'), [
      'Failed: Service prod/db: NoRoute: nothing reaches it -> look up NoRoute in operator/docs/troubleshooting.md',
    ]);
  });

  it('compares clocks of nodes, operator and peers', async () => {
    const { a } = plugin();
    answerFacts(plugin(), { nowMs: sampleTime - 7_300 });
    a.operatorTime = sampleTime + 2_000;
    const answer = status('a', 'a2');
    const paths = (answer.counters?.paths ?? []).map((path) => ({ ...path, clockOffsetMs: -6_000n }));
    a.answer('a2', 'status', StatusResponse.toJSON(StatusResponse.fromPartial({ ...answer, counters: { paths } })));
    const way = 'run NTP (chrony, systemd-timesyncd) on both machines';
    assert.deepEqual(await findings('clocks'), [
      `Failed: a1 is -9.3 s off the operator -> ${way}`,
      `Warning: a2 is -2.0 s off the operator -> ${way}`,
      `Failed: b/b1 is -6.0 s off a2 -> ${way}`,
      `Failed: b/b2 is -6.0 s off a2 -> ${way}`,
    ]);
  });

  it('compares fabric secrets of nodes and clusters without reading one', async () => {
    const { a, b } = plugin();
    const own = facts('203.0.113.1');
    const other = { ...own.config, secrets: [{ version: 1, print: 'ffffffff' }] };
    for (const node of ['b1', 'b2']) b.answer(node, 'facts', { ...own, config: other });
    assert.match(
      (await findings('secrets', both)).join(),
      /^Failed: version 1 is one secret on a\/a1, a\/a2 and another on b\/b1, b\/b2 -> give every router the same Secret/,
    );
    answerFacts(plugin(), { config: { ...facts('192.0.2.1').config, activeSecret: 2 } });
    assert.match(
      (await findings('secrets', both)).join(),
      /Failed: a sends with version 2, which b does not have -> add the version/,
    );
    assert.deepEqual(
      [...a.server.requests, ...b.server.requests].filter((path) => path.includes('/secrets')),
      [],
    );
  });

  it('compares the Peer of each cluster with its nodes', async () => {
    const { a } = plugin();
    const way = 'kubectl quiver connect --context a --context b';
    assert.deepEqual(await findings('peer-objects', both), [`Warning: no Peer here names router b -> ${way}`]);
    const waypoints = [
      { name: 'b1', address: '198.51.100.1' },
      { name: 'b9', address: '198.51.100.9' },
    ];
    a.server.add(quiverObject('Peer', 'b', { spec: { router: 'b', waypoints } }));
    assert.deepEqual(await findings('peer-objects', both), [
      `Warning: Peer b has 198.51.100.1 for node b1, whose own waypoint is 203.0.113.1 -> right where a NAT leads one to the other; else: ${way}`,
      `Failed: Peer b lacks node b2 203.0.113.2 -> ${way}`,
      `Warning: Peer b has b9 198.51.100.9, which is no node of b -> ${way}`,
    ]);
  });

  it('says which path does not answer and what has to pass, and which was never tried', async () => {
    const { a } = plugin();
    a.server.add(peerB());
    const answer = status('a', 'a1');
    const paths = (answer.counters?.paths ?? []).map((path, index) => ({
      ...path,
      state: index === 0 ? 'Suspect' : 'Unknown',
    }));
    a.answer('a1', 'status', StatusResponse.toJSON(StatusResponse.fromPartial({ ...answer, counters: { paths } })));
    assert.deepEqual(await findings('peer-paths'), [
      'Failed: 192.0.2.1 (a1) to 203.0.113.1 (b/b1) does not answer -> let TCP and UDP pass between 192.0.2.1 and 203.0.113.1 with both ports in 16384-29999, both ways; then see "secrets" and "clocks"',
      'Unknown: 192.0.2.1 (a1) to 203.0.113.2 (b/b2) was not used yet -> dial a service behind it; then ask again',
    ]);
  });

  it('takes a session of a peer for the proof that it can reach here', async () => {
    const { a } = plugin();
    a.server.add(peerB());
    const incoming = sampleSession({ role: 'Egress', clientHop: Hop.fromPartial({ router: 'b', node: 'b1' }) });
    a.answer('a2', 'sessions', Dump.toJSON(Dump.fromPartial({ sessions: [incoming] })));
    assert.deepEqual(await findings('inbound'), ['Ok: sessions of b are here']);
  });

  it('looks at MTUs, ports, kernels and the plugin of every node', async () => {
    const interfaces = [{ name: 'eth0', mtu: 1_200, addresses: ['192.0.2.1'] }];
    answerFacts(plugin(), {
      interfaces,
      kernel: '5.15.0-100-generic',
      hasTun: false,
      localPorts: { first: 1_024, last: 60_999 },
      cni: { file: '10-bridge.conflist', plugins: ['bridge', 'portmap'] },
    });
    assert.deepEqual(await findings('mtu'), [
      'Failed: eth0 of a1 has an MTU of 1200 -> set it to 1280 at least',
      'Warning: they differ: a1 eth0 1200, a2 eth0 1500 -> set one MTU, or give the smaller one as mtu of the waypoint in the Peer',
    ]);
    assert.match(
      (await findings('local-ports')).join(),
      /^Warning: a1 uses 1024-60999 for its own connections, which meets 16384-29999 -> set/,
    );
    const kernels = await findings('kernel');
    assert.match(kernels[0] ?? '', /^Failed: a1 has no \/dev\/net\/tun/);
    assert.match(kernels[1] ?? '', /^Warning: a1 runs 5\.15\.0-100-generic -> it works/);
    assert.match(
      (await findings('cni')).join(),
      /^Failed: a1 uses 10-bridge\.conflist \(bridge, portmap\), which has no quiver-cni/,
    );
  });

  it('finds addresses of the cluster inside of the pools', async () => {
    const { a } = plugin();
    a.server.add({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system' },
      spec: { clusterIPs: ['198.18.0.10'] },
    });
    assert.deepEqual(await findings('pools'), [
      'Failed: 198.18.0.0/16 holds 198.18.0.10 of core Service kube-system/kube-dns -> choose another servicePool or returnPool in the values of the chart',
    ]);
  });

  it('says what it may not read, and goes on', async () => {
    const { a, run } = plugin();
    a.server.refuse = (path) => (path === '/api/v1/nodes' ? { status: 403, message: 'nodes is forbidden' } : undefined);
    const { code, stdout, stderr } = await run(['diagnose']);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: 'not read: the nodes: cluster a: nodes is forbidden\n' });
    assert.match(stdout, /\nunknown {3}coverage {8}nodes may not be listed\n {26}-> allow "list" on nodes\n/);
  });

  it('has a name of its own and a sentence for each check', () => {
    assert.equal(new Set(checks.map(({ name }) => name)).size, checks.length);
    for (const { name, about } of checks) assert.match(`${name} ${about}`, /^[a-z-]+ [A-Z].*\.$/);
  });
});
