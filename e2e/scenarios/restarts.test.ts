import assert from 'node:assert/strict';
import { release } from '../cluster/install.ts';
import { eventually, now } from '../harness/eventually.ts';
import { agentOn, agents, operators } from './support/agents.ts';
import { peerTo, scenarioTime } from './support/fabric.ts';
import { tell } from './support/figures.ts';
import { LiveConnections, type LiveReport } from './support/live-connections.ts';
import type { Manifest } from './support/objects.ts';
import { Shop } from './support/shop.ts';
import type { Site } from './support/site.ts';

const COUNT = 200;
/** Milliseconds that a conversation may be silent; kubelet waits longer before each further start. */
const LONGEST_GAP = 45_000;
const API_SERVER_AWAY = 120_000;

function podOf(name: string): Manifest {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: release.namespace } };
}

function unharmed({ live, ended, longestGap }: LiveReport, scenario: Mocha.Runnable | undefined): void {
  tell(scenario, `${live} of ${COUNT} connections, longest gap ${longestGap} ms`);
  assert.deepEqual([live, ended], [COUNT, []]);
  assert.ok(longestGap < LONGEST_GAP, `a connection was silent for ${longestGap} ms`);
}

describe('connections between clusters outlive', function () {
  this.timeout(scenarioTime + API_SERVER_AWAY);
  let shop: Shop;
  let round = 0;

  before(async () => {
    shop = await Shop.open({ name: 'restarts' });
  });
  after(() => shop?.close());

  const connections = (): Promise<LiveConnections> => {
    round += 1;
    const { namespace } = shop;
    const options = { namespace, name: `live${round}`, host: 'echo', port: 7, count: COUNT, node: 'alpha2' };
    return LiveConnections.open(shop.fabric.alpha, options);
  };

  it('an agent that is killed, at either end', async function () {
    const live = await connections();
    for (const [site, node] of [
      [shop.fabric.alpha, 'alpha2'],
      [shop.fabric.beta, 'beta1'],
      [shop.fabric.beta, 'beta2'],
    ] as const) {
      const killed = await agentOn(site, node);
      await site.cluster.node(node).killContainer(release.namespace, killed, 'agent');
      await live.goOn();
      await site.ready([podOf(killed)], 'Ready', 60_000);
    }
    unharmed(live.report(), this.test);
  });

  it('a rolling update of all agents', async function () {
    const live = await connections();
    const { alpha, beta } = shop.fabric;
    for (const site of [alpha, beta]) {
      await site.kubectl(agents, 'rollout', 'restart', 'daemonset/quiver-agent');
      await site.kubectl(agents, 'rollout', 'status', 'daemonset/quiver-agent', '--timeout=120s');
      await live.goOn();
    }
    unharmed(live.report(), this.test);
  });

  it('the end of the leading operator; another one leads, and objects are served again', async function () {
    const live = await connections();
    const { alpha } = shop.fabric;
    const before = await leader(alpha);
    await alpha.kubectl(operators, 'delete', 'pod', before, '--grace-period=0', '--force');
    const next = await eventually(
      'another operator leads',
      async () => {
        const found = await leader(alpha);
        return found === before || found === '' ? undefined : found;
      },
      { within: 40_000, every: 200 },
    );
    assert.notEqual(next, before);
    await alpha.apply({ ...shop.web, spec: { ...(shop.web['spec'] as object), sessions: { idleTimeout: '1000s' } } });
    await alpha.ready([shop.web]);
    await alpha.kubectl(operators, 'rollout', 'status', 'deployment/quiver-operator', '--timeout=60s');
    unharmed(await live.goOn(), this.test);
  });

  it('an API server that is away for two minutes, in both clusters', async function () {
    const live = await connections();
    const { alpha, beta } = shop.fabric;
    const begin = now();
    await Promise.all([alpha, beta].map((site) => site.cluster.controlPlane.apiServer.stop('KILL')));
    await live.goOn(10);
    // What has to be seen is that nothing happens: the connections go on for the whole time.
    await live.reports(
      'go on',
      ({ silence }) => now() - begin > API_SERVER_AWAY && silence < 1000,
      API_SERVER_AWAY + 10_000,
    );
    for (const site of [alpha, beta]) {
      await site.cluster.controlPlane.apiServer.start();
      await site.cluster.controlPlane.apiServerReady();
    }
    unharmed(await live.goOn(), this.test);
    await alpha.ready([shop.web, shop.echo], 'Ready', 60_000);
    const client = await shop.client('after', { labels: { role: 'buyer' }, node: 'alpha1' });
    const answer = await shop.fetch(client);
    assert.equal(answer.code, 0, answer.error);
  });

  it('the reboot of a node, but for those that it served', async function () {
    const { alpha, beta } = shop.fabric;
    const [first, second] = [await connections(), await connectionsOver('beta2')];
    const onNode = await podsOn(beta, shop.namespace, 'beta2');
    const [before, doomed] = [first.report(), second.report()];
    const served = [before, doomed].map(({ servers }) => servedBy(servers, onNode));
    assert.ok(served[1] !== undefined && served[1] > 0, 'nobody was served by the node that is rebooted');
    await beta.cluster.reboot('beta2');
    const after = await first.reports('go on', ({ silence }) => silence < 1000, 90_000);
    tell(this.test, `${after.live} of ${COUNT} elsewhere go on, ${served[1]} were served there`);
    assert.equal(after.live, COUNT - (served[0] ?? 0), JSON.stringify(after));
    await beta.kubectl(shop.deployment, 'rollout', 'status', 'deployment/servers', '--timeout=90s');
    await beta.kubectl(agents, 'rollout', 'status', 'daemonset/quiver-agent', '--timeout=90s');
    // New sessions prefer the rebooted node still, and it serves them.
    const client = await shop.client('later', { labels: { role: 'buyer' }, node: 'alpha2' });
    const back = async (): Promise<string | undefined> => {
      const pods = await podsOn(beta, shop.namespace, 'beta2');
      const { pod } = await shop.fetch(client);
      return pod !== undefined && pods.has(pod) ? pod : undefined;
    };
    await eventually('a server on the rebooted node answers', back, { within: 60_000, every: 200 });
    await alpha.apply(peerTo(beta));
  });

  /** Connections of sessions that arrive at this node of beta, as new ones do from then on. */
  async function connectionsOver(node: string): Promise<LiveConnections> {
    const { alpha, beta } = shop.fabric;
    const preferred = peerTo(beta, (name) => (name === node ? 0 : 100));
    await alpha.apply(preferred);
    await alpha.ready([preferred]);
    return connections();
  }
});

function servedBy(servers: Readonly<Record<string, number>>, pods: ReadonlySet<string>): number {
  return Object.entries(servers).reduce((sum, [pod, count]) => (pods.has(pod) ? sum + count : sum), 0);
}

async function leader(site: Site): Promise<string> {
  const path = 'jsonpath={.spec.holderIdentity}';
  const holder = await site.kubectl(operators, 'get', 'lease', 'quiver-operator', '-o', path);
  return /quiver-operator-[a-z0-9]+-[a-z0-9]+/.exec(holder)?.[0] ?? holder;
}

async function podsOn(site: Site, namespace: string, node: string): Promise<ReadonlySet<string>> {
  const of = ['-n', namespace, 'get', 'pods', `--field-selector=spec.nodeName=${node}`];
  return new Set((await site.cluster.kubectl([...of, '-o', 'jsonpath={.items[*].metadata.name}'])).split(' '));
}
