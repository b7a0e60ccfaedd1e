import assert from 'node:assert/strict';
import { silentLogger } from '../logger.ts';
import { projectAll } from '../project/node-config.ts';
import { exampleSnapshot, resourceYaml, routerYaml } from '../testing/example.ts';
import { FakeAgent } from '../testing/fake-agent.ts';
import { translate } from '../translate/index.ts';
import { spiffeIdOf, uriOf } from './caller-identity.ts';
import { type AgentStream, Distributor } from './distributor.ts';

function publish(distributor: Distributor, resources = resourceYaml, router = routerYaml): void {
  const snapshot = exampleSnapshot(resources, router);
  const { ir } = translate(snapshot);
  distributor.publish(ir, projectAll(ir), snapshot.secrets);
}

function begin(): Distributor {
  const distributor = new Distributor({ epoch: 7n, logger: silentLogger() });
  publish(distributor);
  return distributor;
}

describe('distribution of configurations', () => {
  it('sends the whole configuration with its secrets after the greeting', () => {
    const agent = new FakeAgent(begin());
    assert.deepEqual(agent.received, []);
    agent.hello();
    const [snapshot] = agent.snapshots;
    assert.deepEqual([snapshot?.version, snapshot?.epoch, snapshot?.config?.node], [1n, 7n, 'node1']);
    assert.deepEqual(
      snapshot?.secrets.map(({ secretId, value }) => `${secretId} ${value.toString()}`),
      ['fabric-secret-1 secret'],
    );
  });

  it('counts what the agent runs already as acknowledged, and sends it for its epoch', () => {
    const distributor = begin();
    const first = new FakeAgent(distributor);
    first.hello();
    const digest = first.snapshots[0]?.digest ?? '';
    const second = new FakeAgent(distributor);
    second.hello({ digest });
    assert.deepEqual(
      second.snapshots.map((one) => [one.epoch, one.digest]),
      [[7n, digest]],
    );
    assert.equal(distributor.reports()[0]?.acknowledged, distributor.reports()[0]?.wanted);
  });

  it('sends a change under the next version, and no change when nothing changed', () => {
    const distributor = begin();
    const agent = new FakeAgent(distributor);
    agent.hello();
    publish(distributor);
    publish(distributor, resourceYaml.replace('5432', '5433'));
    assert.deepEqual(
      agent.snapshots.map(({ version }) => version),
      [1n, 2n],
    );
  });

  it('leaves out what is outdated before a slow stream takes it', () => {
    const distributor = begin();
    const agent = new FakeAgent(distributor);
    agent.isSlow = true;
    agent.hello();
    for (const port of ['5433', '5434', '5435']) publish(distributor, resourceYaml.replace('5432', port));
    assert.deepEqual(
      agent.snapshots.map(({ version }) => version),
      [1n],
    );
    agent.drain();
    assert.deepEqual(
      agent.snapshots.map(({ version }) => version),
      [1n, 4n],
    );
  });

  it('remembers the acknowledged configuration while a newer one waits', () => {
    const distributor = begin();
    const agent = new FakeAgent(distributor);
    agent.hello();
    agent.ack(1n);
    const running = distributor.reports()[0]?.wanted;
    publish(distributor, resourceYaml.replace('5432', '5433'));
    const [report] = distributor.reports();
    assert.equal(report?.acknowledged, running);
    assert.notEqual(report?.wanted, running);
    agent.ack(2n);
    assert.equal(distributor.reports()[0]?.acknowledged, distributor.reports()[0]?.wanted);
  });

  it('keeps the reasons of a refusal until a newer configuration is there', () => {
    const distributor = begin();
    const agent = new FakeAgent(distributor);
    agent.hello();
    const reasons = [{ code: 'pool_overlap', field: 'service_pool[0]', message: 'overlaps' }];
    agent.say({ $case: 'nack', value: { version: 1n, reasons } });
    assert.deepEqual(distributor.reports()[0]?.rejected, reasons);
    publish(distributor, resourceYaml.replace('5432', '5433'));
    assert.deepEqual(distributor.reports()[0]?.rejected, []);
    agent.say({ $case: 'nack', value: { version: 2n, reasons: [] } });
    assert.equal(distributor.reports()[0]?.rejected[0]?.code, 'Rejected');
  });

  it('ignores answers to what was never sent or already answered', () => {
    const distributor = begin();
    const agent = new FakeAgent(distributor);
    agent.hello();
    let changes = 0;
    distributor.onChange(() => (changes += 1));
    agent.ack(9n);
    agent.ack(1n);
    agent.ack(1n);
    agent.say({ $case: 'nack', value: { version: 1n, reasons: [] } });
    assert.equal(changes, 1);
    assert.deepEqual(distributor.reports()[0]?.rejected, []);
  });

  it('tells who is connected and what was reported', () => {
    const distributor = begin();
    const agent = new FakeAgent(distributor);
    assert.equal(distributor.reports()[0]?.isConnected, false);
    agent.hello();
    agent.say({ $case: 'report', value: { services: [], targets: [], paths: [], sessions: 5n } });
    assert.deepEqual([distributor.reports()[0]?.isConnected, distributor.slots()[0]?.report?.sessions], [true, 5n]);
    agent.leave();
    assert.equal(distributor.reports()[0]?.isConnected, false);
  });

  it('serves the newest stream of a node and ends the one before', () => {
    const distributor = begin();
    const [old, young] = [new FakeAgent(distributor), new FakeAgent(distributor)];
    old.hello();
    young.hello();
    assert.deepEqual([old.isEnded, young.isEnded], [true, false]);
    old.leave();
    assert.equal(distributor.reports()[0]?.isConnected, true);
    old.ack(1n);
    assert.equal(distributor.reports()[0]?.acknowledged, undefined);
  });

  it('forgets what a node ran when it comes back with nothing', () => {
    const distributor = begin();
    const agent = new FakeAgent(distributor);
    agent.hello();
    agent.ack(1n);
    agent.leave();
    new FakeAgent(distributor).hello();
    assert.equal(distributor.reports()[0]?.acknowledged, undefined);
  });

  it('refuses other fabrics, other routers and unknown nodes', () => {
    const distributor = begin();
    const cases = [
      [{ fabric: 'other' }, 'WrongFabric'],
      [{ router: 'site-b' }, 'WrongRouter'],
      [{ node: 'node9' }, 'UnknownNode'],
    ] as const;
    for (const [hello, code] of cases) {
      const agent = new FakeAgent(distributor);
      agent.hello(hello);
      assert.deepEqual([agent.refusals, agent.isEnded], [[code], true]);
    }
  });

  it('refuses a stream that does not begin with one greeting', () => {
    const silent = new FakeAgent(begin());
    silent.ack(1n);
    assert.deepEqual(silent.refusals, ['HelloMissing']);
    const twice = new FakeAgent(begin());
    twice.hello();
    twice.hello();
    assert.deepEqual(twice.refusals, ['HelloTwice']);
  });

  it('refuses a node whose certificate names another one', () => {
    const right = new FakeAgent(begin(), 'spiffe://corp/router/site-a/node/node1');
    right.hello();
    assert.equal(right.snapshots.length, 1);
    for (const uri of ['spiffe://corp/router/site-a/node/node2', 'spiffe://other/router/site-a/node/node1', '']) {
      const wrong = new FakeAgent(begin(), uri);
      wrong.hello();
      assert.deepEqual([wrong.refusals, wrong.snapshots], [['IdentityMismatch'], []]);
    }
  });

  it('refuses a node that the router no longer has', () => {
    const distributor = begin();
    const agent = new FakeAgent(distributor);
    agent.hello();
    publish(distributor, resourceYaml, routerYaml.replace('name: node1', 'name: node2'));
    assert.deepEqual([agent.refusals, agent.isEnded], [['UnknownNode'], true]);
    assert.deepEqual(
      distributor.reports().map(({ node }) => node),
      ['node2'],
    );
  });

  it('refuses a node that may not be served now, and ends its stream when that comes later', () => {
    const gone = new Set(['pod-1']);
    const refusal = (node: string, { certifiedName }: AgentStream) =>
      gone.has(certifiedName ?? '') ? { code: 'PodGone', message: `${certifiedName} left ${node}` } : undefined;
    const distributor = new Distributor({ epoch: 7n, logger: silentLogger(), refusal });
    publish(distributor);
    const uri = 'spiffe://corp/router/site-a/node/node1';
    const former = new FakeAgent(distributor, uri, 'pod-1');
    former.hello();
    assert.deepEqual([former.refusals, former.isEnded], [['PodGone'], true]);
    const present = new FakeAgent(distributor, uri, 'pod-2');
    present.hello();
    distributor.recheck();
    assert.equal(present.isEnded, false);
    gone.add('pod-2');
    distributor.recheck();
    assert.deepEqual([present.refusals, present.isEnded], [['PodGone'], true]);
    assert.equal(distributor.reports()[0]?.isConnected, false);
  });

  it('ends every stream when it closes', () => {
    const distributor = begin();
    const agent = new FakeAgent(distributor);
    agent.hello();
    distributor.close();
    assert.equal(agent.isEnded, true);
  });
});

describe('identity of a caller', () => {
  it('is the one URI of its certificate', () => {
    const id = spiffeIdOf({ fabric: 'corp', router: 'site-a', node: 'node1' });
    assert.equal(uriOf(`DNS:node1, URI:${id}`), id);
    assert.equal(uriOf(`URI:${id}, URI:spiffe://corp/router/site-a/node/node2`), undefined);
    assert.equal(uriOf('DNS:node1'), undefined);
    assert.equal(uriOf(undefined), undefined);
  });
});
