import assert from 'node:assert/strict';
import { Distributor } from './distribute/distributor.ts';
import { silentLogger } from './logger.ts';
import { Operator } from './operator.ts';
import type { StatusReport } from './status/status-report.ts';
import { Eventually } from './testing/eventually.ts';
import { exampleSnapshot, resourceYaml } from './testing/example.ts';
import { FakeAgent } from './testing/fake-agent.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { FakeSource } from './testing/fake-source.ts';
import { Translator } from './translator.ts';

describe('operator', () => {
  let clock: FakeClock;
  let source: FakeSource;
  let distributor: Distributor;
  let written: StatusReport[];
  let attempts: Eventually<StatusReport>;
  let translator: Translator;
  let operator: Operator;
  let isDiskFull: boolean;

  beforeEach(async () => {
    clock = new FakeClock();
    source = new FakeSource(exampleSnapshot());
    distributor = new Distributor({ epoch: 1n, logger: silentLogger() });
    written = [];
    attempts = new Eventually();
    isDiskFull = false;
    const status = {
      write: (report: StatusReport) => {
        attempts.push(report);
        if (isDiskFull) return Promise.reject(new Error('disk full'));
        written.push(report);
        return Promise.resolve();
      },
    };
    translator = new Translator({ source, clock, logger: silentLogger() });
    operator = new Operator({ translator, distributor, status, clock, logger: silentLogger() });
    await translator.start();
    operator.start();
  });

  function ready(kind: string): string | undefined {
    const object = operator.status?.objects.find((one) => one.kind === kind);
    const condition = object?.status.conditions.find(({ type }) => type === 'Ready');
    return condition === undefined ? undefined : `${condition.status} ${condition.reason}`;
  }

  it('brings resources to a node and its answer into the status', async () => {
    const agent = new FakeAgent(distributor);
    agent.hello();
    assert.equal(ready('Service'), 'Unknown Pending');
    agent.ack(1n);
    clock.advance(100);
    assert.equal(ready('Service'), 'True Ready');
    assert.equal(translator.latest?.ir.services.length, 1);
    await operator.stop();
    assert.equal(written.at(-1), operator.status);
    translator.stop();
    assert.equal(source.isClosed, true);
  });

  it('makes one status of many answers that come together', async () => {
    const agent = new FakeAgent(distributor);
    agent.hello();
    agent.ack(1n);
    agent.say({ $case: 'report', value: { services: [], targets: [], paths: [], sessions: 3n } });
    clock.advance(100);
    await operator.stop();
    assert.deepEqual(
      written.map(({ nodes }) => nodes[0]?.sessions),
      [0, 3],
    );
  });

  it('writes nothing while nothing changes', async () => {
    const agent = new FakeAgent(distributor);
    agent.hello();
    agent.ack(1n);
    clock.advance(100);
    await Promise.resolve();
    for (let round = 0; round < 5; round += 1) {
      agent.say({ $case: 'report', value: { services: [], targets: [], paths: [], sessions: 0n } });
      clock.advance(60_000);
    }
    await operator.stop();
    assert.equal(written.length, 2);
  });

  it('sends a changed resource at once and tells its problems', () => {
    const agent = new FakeAgent(distributor);
    agent.hello();
    source.put(exampleSnapshot(resourceYaml.replace('{tenant: web.prod}', '{tenant: nobody}')));
    assert.equal(agent.snapshots.at(-1)?.config?.services[0]?.access.length, 0);
    clock.advance(100);
    assert.deepEqual(
      operator.status?.problems.map(({ code, location }) => `${code} ${location?.line}`),
      ['UnknownTenant 20'],
    );
    assert.equal(ready('Service'), 'False UnknownTenant');
  });

  it('goes on with the last state when a new one cannot be translated', () => {
    const agent = new FakeAgent(distributor);
    agent.hello();
    const broken = { ...exampleSnapshot(), secrets: [] };
    source.put(broken);
    assert.equal(agent.snapshots.length, 1);
    assert.equal(translator.latest?.ir.keySource.versions.length, 1);
  });

  it('goes on when the status cannot be written', async () => {
    const agent = new FakeAgent(distributor);
    isDiskFull = true;
    agent.hello();
    clock.advance(100);
    await attempts.first(({ nodes }) => nodes[0]?.connected === true);
    isDiskFull = false;
    agent.ack(1n);
    clock.advance(100);
    await operator.stop();
    assert.deepEqual(
      written.map(({ nodes }) => nodes[0]?.connected),
      [false, true],
    );
  });

  it('never calls an object Pending whose change the nodes take at once', async () => {
    const agent = new FakeAgent(distributor);
    agent.hello();
    agent.ack(1n);
    clock.advance(100);
    source.put(exampleSnapshot(resourceYaml.replace('5432', '5433')));
    agent.ack(2n);
    clock.advance(100);
    await operator.stop();
    const told = written.map(({ objects }) => objects.find(({ kind }) => kind === 'Service')?.status.conditions);
    assert.deepEqual(
      told.map((conditions) => conditions?.find(({ type }) => type === 'Ready')?.status),
      ['Unknown', 'True', 'True'],
    );
  });
});
