import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { routerYaml } from '../testing/example.ts';
import { formatProblem } from '../translate/problem.ts';
import { FabricSecret } from './fabric-secret.ts';
import { parseRouterFile } from './router-file.ts';

function problemsOf(text: string): readonly string[] {
  return parseRouterFile('router.yaml', text).problems.map(formatProblem);
}

describe('router file', () => {
  it('has defaults for everything that a router need not say', () => {
    const { config } = parseRouterFile('router.yaml', routerYaml);
    assert.deepEqual(config?.servicePool, ['198.18.0.0/16', 'fd71:7569:7665:1::/64']);
    assert.deepEqual(config?.returnPool, ['169.254.96.0/20', 'fd71:7569:7665::/64']);
    assert.deepEqual(config?.waypointPorts, { first: 16384, last: 29999 });
    assert.deepEqual(
      [config?.controlPort, config?.metadata, config?.cipher, config?.limits, config?.fastPath],
      [1280, 'Sealed', 'AES-256-GCM', { maxSessions: 262144 }, 'Auto'],
    );
  });

  it('of a cluster says where nodes and prefixes come from, with defaults for the rest', () => {
    const inCluster = 'apiVersion: config.quiver.dev/v1alpha1\nkind: RouterConfig\nfabric: corp\nrouter: site-a\n';
    const { config, problems } = parseRouterFile('router.yaml', `${inCluster}kubernetes: {}\n`);
    assert.deepEqual(problems, []);
    assert.deepEqual(config?.kubernetes, {
      waypointAddress: 'InternalIP',
      podCidrs: [],
      serviceCidrs: [],
      mode: 'Chained',
      masquerade: true,
      mtu: 0,
    });
    assert.deepEqual([config?.nodes, config?.keySource], [undefined, undefined]);
    const active = parseRouterFile('router.yaml', `${inCluster}kubernetes: {}\nkeySource: {active: 2}\n`);
    assert.deepEqual(active.config?.keySource, { type: 'SharedSecret', active: 2 });
    const wrong = ['podCIDRs: []', 'mode: Off-ish', 'mtu: 900', 'podCidrs: [10.0.0.1/8]'];
    assert.deepEqual(
      wrong.map((text) => problemsOf(`${inCluster}kubernetes: {${text}}\n`).join()),
      [
        'router.yaml:5: RouterConfig router.yaml: kubernetes.podCIDRs: is no field of a RouterConfig; did you mean "podCidrs"? (InvalidRouterConfig)',
        'router.yaml:5: RouterConfig router.yaml: kubernetes.mode: must be Chained or Primary or Off (InvalidRouterConfig)',
        'router.yaml:5: RouterConfig router.yaml: kubernetes.mtu: must be from 1280 to 65535, or 0 for that of the uplink (InvalidRouterConfig)',
        'router.yaml:5: RouterConfig router.yaml: kubernetes.podCidrs[0]: has bits set behind its length; write the first address of the prefix (InvalidRouterConfig)',
      ],
    );
  });

  it('refuses unknown fields at every depth with the word that was meant', () => {
    assert.deepEqual(problemsOf(routerYaml.replace('{address:', '{adress:')), [
      'router.yaml:6: RouterConfig router.yaml: nodes[0].waypoints[0].address: is missing; it must be of type string (InvalidRouterConfig)',
      'router.yaml:6: RouterConfig router.yaml: nodes[0].waypoints[0].adress: is no field of a RouterConfig; did you mean "address"? (InvalidRouterConfig)',
    ]);
    assert.match(
      problemsOf(`${routerYaml}bananas: 1\n`).join(),
      /8: .*bananas: is no field of a RouterConfig; remove it/,
    );
  });

  it('refuses wrong types, wrong words and what is missing', () => {
    assert.match(problemsOf(`${routerYaml}controlPort: high\n`).join(), /controlPort: must be of type number/);
    assert.match(
      problemsOf(`${routerYaml}cipher: DES\n`).join(),
      /cipher: must be AES-256-GCM or AES-256-CBC-HMAC-SHA256-128/,
    );
    assert.match(problemsOf(routerYaml.replace('fabric: corp\n', '')).join(), /fabric: is missing/);
    assert.match(
      problemsOf(routerYaml.replace('203.0.113.11', '203.0.113')).join(),
      /6: .*is not an IPv4 or IPv6 address/,
    );
  });

  it('refuses a waypoint that no peer could reach', () => {
    for (const address of ['127.0.0.1', '0.0.0.0', '224.0.0.5']) {
      assert.match(
        problemsOf(routerYaml.replace('203.0.113.11', address)).join(),
        /6: .*no address that a peer could reach/,
      );
    }
  });

  it('refuses nodes and waypoints that are there twice', () => {
    const twice = routerYaml.replace('keySource', '- {name: node1, waypoints: [{address: 203.0.113.11}]}\nkeySource');
    assert.deepEqual(problemsOf(twice), [
      'router.yaml:7: RouterConfig router.yaml: nodes[1].name: is also the name of nodes[0]; rename one (InvalidRouterConfig)',
      'router.yaml:7: RouterConfig router.yaml: nodes[1].waypoints[0].address: is also the address of nodes[0].waypoints[0]; give each its own (InvalidRouterConfig)',
    ]);
  });

  it('refuses pools of one family twice, host bits and secrets with one number', () => {
    assert.match(
      problemsOf(`${routerYaml}servicePool: [10.0.0.0/16, 10.9.0.0/16]\n`).join(),
      /two prefixes of one family/,
    );
    assert.match(problemsOf(`${routerYaml}servicePool: [198.18.0.1/16]\n`).join(), /bits set behind its length/);
    const twice = routerYaml.replace('[{version: 1, file: secret}]', '[{version: 1, file: a}, {version: 1, file: b}]');
    assert.match(problemsOf(twice).join(), /keySource\.versions: has one number twice/);
  });

  it('refuses no document, two documents and what is no YAML', () => {
    assert.match(problemsOf('').join(), /holds no RouterConfig/);
    assert.match(problemsOf(`${routerYaml}---\n${routerYaml}`).join(), /router\.yaml:9: .*second document/);
    assert.match(problemsOf('fabric: [').join(), /router\.yaml:1/);
  });
});

describe('fabric secret', () => {
  it('shows its bytes in no text', () => {
    const secret = new FabricSecret(1, Buffer.from('open sesame'));
    const texts = [
      String(secret),
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: [secret] }, { showHidden: true, depth: 9 }),
    ];
    for (const text of texts) assert.doesNotMatch(text, /open|b3BlbiBzZXNhbWU|6f70656e|111, 112/);
    assert.equal(Buffer.from(secret.reveal()).toString(), 'open sesame');
  });
});
