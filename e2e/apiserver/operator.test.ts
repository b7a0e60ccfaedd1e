import assert from 'node:assert/strict';
import { type ServiceError, status } from '@grpc/grpc-js';
import { pathOf, resourceTypes } from '@quiver/operator/kubernetes';
import type { StreamAgent } from '@quiver/operator/testing';
import { eventually, now } from '../harness/eventually.ts';
import { namespace, OperatorsUnderTest, operatorAccount, type RunningOperator } from './operators-under-test.ts';
import { rightsDeclared, rightsUsed } from './rights.ts';
import { ServerUnderTest } from './server-under-test.ts';

const quiver = 'quiver.dev/v1alpha1';
const merge = 'application/merge-patch+json';

function tenant(name: string) {
  return { apiVersion: quiver, kind: 'Tenant', metadata: { name }, spec: { members: [{ cidrs: ['192.0.2.128/25'] }] } };
}

function service(name: string, access: string, port = 5432) {
  const spec = { ports: [{ protocol: 'TCP', port }], access: [{ tenant: access }] };
  return { apiVersion: quiver, kind: 'Service', metadata: { namespace: 'default', name }, spec };
}

function route(name: string) {
  const spec = { service: name, targets: [{ address: '192.0.2.10', port: 5432 }] };
  return { apiVersion: quiver, kind: 'ServiceRoute', metadata: { namespace: 'default', name }, spec };
}

function peer(name: string) {
  const spec = { router: name, waypoints: [{ name: 'wan0', address: '203.0.113.21' }] };
  return { apiVersion: quiver, kind: 'Peer', metadata: { name }, spec };
}

async function snapshotOf(agent: StreamAgent) {
  const message = await agent.messages.first(({ $case }) => $case === 'snapshot');
  assert.ok(message.$case === 'snapshot');
  return message.value;
}

describe('operators at a real API server', () => {
  let subject: ServerUnderTest;
  let operators: OperatorsUnderTest;
  let token: string;
  let leader: RunningOperator;
  let agent: StreamAgent;

  before(async function () {
    this.timeout(1_200_000);
    subject = await ServerUnderTest.start();
    operators = await OperatorsUnderTest.prepare(subject);
    token = await operators.node('node1', '198.51.100.11');
    const taints = [{ key: 'quiver.dev/agent-not-ready', effect: 'NoSchedule' }];
    await subject.write('PATCH', '/api/v1/nodes/node1', { spec: { taints } }, merge);
    for (const object of [tenant('web'), peer('b'), service('db', 'web'), route('db')]) await operators.create(object);
    operators.begin(1);
    operators.begin(2);
    leader = await operators.leader();
    agent = await operators.agent(leader, token, 'node1');
  });

  after(async () => {
    await operators?.close();
    await subject?.close();
  });

  async function isCondition(name: string, wanted: string, type = 'Ready'): Promise<void> {
    await eventually(
      `${name} is ${wanted}`,
      async () => (await operators.conditionOf('Service', name, type)) === wanted || undefined,
      { every: 50 },
    );
  }

  async function operatorWrites(): Promise<readonly string[]> {
    const lines = (await subject.server.audit()).map(
      (line) => JSON.parse(line) as { userAgent?: string; verb: string; objectRef?: { resource?: string } },
    );
    return lines
      .filter(({ verb }) => ['create', 'update', 'patch', 'delete'].includes(verb))
      .filter(({ userAgent }) => userAgent?.startsWith('quiver-operator') === true)
      .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}`);
  }

  it('bring an object into force and say so', async () => {
    await isCondition('db', 'True Ready');
    assert.match(await operators.conditionOf('Service', 'db', 'DNSPublished'), /^True /);
    const config = await snapshotOf(agent);
    assert.equal(config.config?.node, 'node1');
    const slices = await subject.all(resourceTypes.endpointSlice);
    const names = slices.map(({ metadata }) => metadata.name);
    assert.ok(names.includes('quiver-operator') && names.includes('db-quiver-ipv4'), names.join(' '));
  });

  it('give a certificate to nobody but the agent of the node', async () => {
    const refused = async (shown: string, node = 'node1'): Promise<string | undefined> => {
      const caught = await operators.enrol(leader, shown, node).catch((error: ServiceError) => error);
      return 'code' in caught ? status[caught.code] : 'issued';
    };
    const unbound = await operators.token('quiver-agent');
    const other = await operators.node('node2', '198.51.100.12');
    await subject.write('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'other' } });
    assert.equal(await refused('nonsense'), 'UNAUTHENTICATED');
    assert.equal(await refused(unbound), 'UNAUTHENTICATED');
    assert.equal(await refused(await operators.token('other')), 'UNAUTHENTICATED');
    assert.equal(await refused(other), 'PERMISSION_DENIED');
    assert.equal(await refused(other, 'node2'), 'issued');
    await subject.write('DELETE', `/api/v1/namespaces/${namespace}/pods/quiver-agent-node2?gracePeriodSeconds=0`, {});
    await subject.write('DELETE', '/api/v1/nodes/node2', {});
  });

  it('say within 5 s what is wrong with an object, and go on with all others', async () => {
    const began = now();
    await operators.create(service('bad', 'nobody'));
    await isCondition('bad', 'False UnknownTenant');
    assert.ok(now() - began < 5_000);
    await operators.create(service('good', 'web', 5433));
    await operators.create({ ...route('good'), spec: { ...route('good').spec, service: 'good' } });
    await isCondition('good', 'True Ready');
  });

  it('write nothing at rest but the lease', async () => {
    const others = async (): Promise<number> =>
      (await operatorWrites()).filter((write) => write !== 'update leases').length;
    let before = -1;
    const isStill = async (): Promise<true | undefined> => {
      const last = before;
      before = await others();
      return last === before ? true : undefined;
    };
    await eventually('nothing is in motion', isStill, { within: 30_000, every: 3_000 });
    const renewed = (await operatorWrites()).length;
    await eventually('the lease is renewed', async () => (await operatorWrites()).length >= renewed + 8 || undefined, {
      within: 40_000,
      every: 500,
    });
    assert.equal(await others(), before);
  }).timeout(90_000);

  it('let a node have pods once its agent forwards', async () => {
    await eventually('the taint is gone', async () => {
      const [node] = await subject.all(resourceTypes.node);
      const { taints } = (node?.['spec'] ?? {}) as { readonly taints?: readonly object[] };
      return (node !== undefined && taints === undefined) || undefined;
    });
  });

  it('change what they own with its service, and delete it with it', async () => {
    for (const object of [service('brief', 'web', 6000), route('brief')]) await operators.create(object);
    const portOf = async (): Promise<number | undefined> => {
      const all = await subject.all(resourceTypes.coreService);
      const own = all.find(({ metadata }) => metadata.name === 'brief');
      return (own?.['spec'] as { ports: readonly { port: number }[] } | undefined)?.ports[0]?.port;
    };
    await eventually('it is published', async () => (await portOf()) === 6000 || undefined);
    const path = pathOf(resourceTypes.service, { namespace: 'default', name: 'brief' });
    await subject.write('PATCH', path, { spec: { ports: [{ protocol: 'TCP', port: 6001 }] } }, merge);
    await eventually('it is published anew', async () => (await portOf()) === 6001 || undefined);
    await subject.write('DELETE', path, {});
    await eventually('nothing is left of it', async () => {
      const slices = await subject.all(resourceTypes.endpointSlice);
      const isLeft = slices.some(({ metadata }) => metadata.name.startsWith('brief'));
      return (!isLeft && (await portOf()) === undefined) || undefined;
    });
  });

  it('let another one lead when one dies, under a higher epoch', async () => {
    const { epoch } = await snapshotOf(agent);
    await leader.process.stop('SIGKILL');
    leader = await operators.leader(30_000);
    agent = await operators.agent(leader, token, 'node1');
    assert.ok((await snapshotOf(agent)).epoch > epoch);
    await operators.create(service('late', 'nobody', 6000));
    await isCondition('late', 'False UnknownTenant');
  }).timeout(90_000);

  it('are ready again soon after a restart', async () => {
    const began = now();
    const again = operators.begin(3);
    await eventually(
      'ready',
      async () => {
        const response = await fetch(`http://127.0.0.1:${again.ports.health}/readyz`).catch(() => undefined);
        return response?.status === 200 ? true : undefined;
      },
      { within: 30_000, every: 20 },
    );
    console.log(`      ready after ${(now() - began).toFixed(0)} ms`);
    assert.equal(await again.process.stop('SIGTERM'), 0);
  });

  it('go on when the API server comes back', async () => {
    await subject.server.stop('SIGKILL');
    await subject.server.restart();
    await operators.create(service('after', 'nobody', 7000));
    leader = await operators.leader(60_000);
    await isCondition('after', 'False UnknownTenant');
  }).timeout(120_000);

  it('have the nodes retired before the release goes', async () => {
    agent = await operators.agent(leader, token, 'node1');
    const retiring = operators.retire();
    await agent.messages.first((message) => message.$case === 'snapshot' && message.value.config?.retire === true);
    assert.equal(await retiring.ended(60_000), 0);
    assert.match(retiring.stdout, /1\/1 nodes have taken everything off/);
    assert.equal(
      (await subject.all(resourceTypes.lease)).some(({ metadata }) => metadata.name === 'quiver-operator'),
      false,
    );
  }).timeout(90_000);

  it('used every right that they declare', async () => {
    const used = rightsUsed(await subject.server.audit(), operatorAccount);
    // Lists are for older servers, and an event is counted up after a minute at the earliest.
    const later = (right: string): boolean => right.startsWith('list ') || right === 'patch events.k8s.io/events';
    assert.deepEqual(
      rightsDeclared().filter((right) => !used.has(right) && !later(right)),
      [],
    );
  });
});
