import assert from 'node:assert/strict';
import { eventually } from '../harness/eventually.ts';
import { scenarioTime } from './support/fabric.ts';
import { LiveConnections } from './support/live-connections.ts';
import { Shop } from './support/shop.ts';

describe('servers of another cluster', function () {
  this.timeout(scenarioTime);
  let shop: Shop;
  let client: string;

  before(async () => {
    shop = await Shop.open({ name: 'endpoints' });
    client = await shop.client('client', { labels: { role: 'buyer' }, node: 'alpha2' });
  });
  after(() => shop?.close());

  const kubectl = (...args: readonly string[]): Promise<string> => shop.fabric.beta.kubectl(shop.deployment, ...args);
  const rolledOut = (): Promise<string> => kubectl('rollout', 'status', 'deployment/servers', '--timeout=90s');

  /** Servers that answer until nothing new has answered for some time. */
  const answering = async (): Promise<ReadonlySet<string>> => {
    const pods = new Set<string>();
    for (let i = 0; i < 24; i += 1) {
      const { code, pod = '', error } = await shop.fetch(client);
      assert.equal(code, 0, error);
      pods.add(pod);
    }
    return pods;
  };
  /** Servers that run, on one node or on all. */
  const running = async (node = ''): Promise<ReadonlySet<string>> => {
    const path = 'jsonpath={.items[*].metadata.name}';
    const where = node === '' ? '' : `,spec.nodeName=${node}`;
    const which = `--field-selector=status.phase=Running${where}`;
    return new Set((await kubectl('get', 'pods', '-l', 'app=servers', which, '-o', path)).split(' '));
  };
  const nodeOf = (pod: string): Promise<string> => kubectl('get', 'pod', pod, '-o', 'jsonpath={.spec.nodeName}');
  const live = (name: string): Promise<LiveConnections> =>
    LiveConnections.open(shop.fabric.alpha, {
      namespace: shop.namespace,
      name,
      host: 'echo',
      port: 7,
      count: 20,
      node: 'alpha2',
    });

  it('take part when there are more of them, and live connections stay where they are', async () => {
    const connections = await live('scaled');
    // The router prefers servers of the node at which a session arrives.
    const node = await nodeOf([...(await answering())][0] ?? '');
    await kubectl('scale', 'deployment/servers', '--replicas=4');
    await rolledOut();
    const all = await running(node);
    assert.equal(all.size, 2);
    await eventually(
      `both on ${node} answer`,
      async () => {
        const pods = await answering();
        return [...all].every((pod) => pods.has(pod)) ? true : undefined;
      },
      { within: 30_000 },
    );
    const { live: count, ended } = await connections.goOn();
    assert.deepEqual([count, ended], [20, []]);
    await kubectl('scale', 'deployment/servers', '--replicas=2');
    await rolledOut();
  });

  it('are replaced one by one without a request that fails', async () => {
    let failures = 0;
    let requests = 0;
    const rolling = new AbortController();
    const asking = (async () => {
      while (!rolling.signal.aborted) {
        const { code } = await shop.fetch(client);
        requests += 1;
        if (code !== 0) failures += 1;
      }
    })();
    await kubectl('rollout', 'restart', 'deployment/servers');
    await rolledOut();
    rolling.abort();
    await asking;
    assert.ok(requests > 10, `only ${requests} requests were made`);
    assert.equal(failures, 0, `${failures} of ${requests} requests failed`);
  });

  it('are found when all of them move to another node', async () => {
    const to = (node: string | null): string =>
      JSON.stringify({
        spec: {
          template: {
            spec: {
              nodeSelector: node === null ? null : { 'kubernetes.io/hostname': node },
              topologySpreadConstraints: null,
            },
          },
        },
      });
    for (const node of ['beta1', 'beta2']) {
      await kubectl('patch', 'deployment', 'servers', '--type=merge', '-p', to(node));
      await rolledOut();
      const wanted = await eventually('the former ones are gone', async () => {
        const pods = await running();
        return pods.size === 2 ? pods : undefined;
      });
      const found = await answering();
      assert.ok(
        [...found].every((pod) => wanted.has(pod)),
        `${[...found].join()} answered, ${[...wanted].join()} run`,
      );
    }
    await kubectl('patch', 'deployment', 'servers', '--type=merge', '-p', to(null));
    await rolledOut();
  });
});
