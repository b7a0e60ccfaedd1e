import assert from 'node:assert/strict';
import { Counters } from '@quiver/dataplane-api';
import { sampleConfig, serviceWithTargets } from '../testing/sample-config.ts';
import { fingerprint, makeReport } from './report.ts';

const path = { router: 'b', node: 'b1', localAddress: '192.0.2.1', remoteAddress: '192.0.2.2', state: 'Up' };

describe('what the operator is told', () => {
  it('names every target of the configuration, with its sessions and its health', () => {
    const config = sampleConfig([serviceWithTargets('prod/db', ['10.0.0.1', 5432], ['10.0.0.2', 5432])]);
    config.services[0]!.routes[0]!.targets[1]!.healthy = false;
    const counters = Counters.create({
      targets: [{ route: 'prod/db', address: '10.0.0.1', port: 5432, sessions: 4n }],
    });
    assert.deepEqual(makeReport(counters, config).targets, [
      { route: 'prod/db', address: '10.0.0.1', port: 5432, healthy: true, sessions: 4n },
      { route: 'prod/db', address: '10.0.0.2', port: 5432, healthy: false, sessions: 0n },
    ]);
  });

  it('leaves out services without sessions and sorts the others', () => {
    const services = [
      { service: 'z', sessions: 1n },
      { service: 'idle', sessions: 0n },
      { service: 'a', sessions: 2n },
    ];
    const report = makeReport(Counters.create({ services }), undefined);
    assert.deepEqual(
      report.services.map(({ service }) => service),
      ['a', 'z'],
    );
  });

  it('is the same report when only the measured clock moved', () => {
    const report = (clockOffsetMs: bigint, state = 'Up') =>
      fingerprint(makeReport(Counters.create({ paths: [{ ...path, clockOffsetMs, state }] }), undefined));
    assert.equal(report(3n), report(4n));
    assert.notEqual(report(3n), report(3n, 'Suspect'));
  });
});
