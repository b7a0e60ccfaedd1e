import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Counters } from '@quiver/dataplane-api';
import { Metrics, type MetricsInput } from './metrics.ts';

const counters = Counters.create({
  sessions: 42n,
  sessionsOpened: 100n,
  sessionsClosed: 58n,
  lanBytesIn: 9_000_000_000n,
  wanPacketsOut: 7n,
  workers: 2,
  maxSessions: 262_144,
  drops: [
    { number: 17, reason: 'access_denied', description: 'The service does not admit the tenant.', packets: 3n },
    { number: 12, reason: 'no_tenant', description: 'The source belongs to no tenant.', packets: 0n },
  ],
  services: [{ service: 'prod/db', sessions: 42n, packetsForward: 10n, bytesForward: 1000n, packetsReverse: 5n }],
  paths: [
    {
      router: 'b',
      node: 'b1',
      localAddress: '192.0.2.1',
      remoteAddress: '198.51.100.1',
      state: 'Up',
      sessions: 42n,
      clockOffsetMs: -250n,
      mtu: 1500,
    },
  ],
});

const input: MetricsInput = {
  version: '0.1.0',
  router: 'a',
  node: 'a1',
  counters,
  eventsLost: 0n,
  targets: [{ route: 'prod/db', address: '10.0.0.1', port: 5432, healthy: true, sessions: 42n }],
  config: { version: 4n, ageSeconds: 12.5, isStale: true, rejections: 1 },
  isConnected: false,
  isReady: true,
};

describe('metrics for Prometheus', () => {
  it('show what the engine counts', async () => {
    const lines = (await new Metrics().text(input)).split('\n');
    const expected = [
      'quiver_build_info{version="0.1.0"} 1',
      'quiver_dataplane_sessions 42',
      'quiver_dataplane_sessions_opened_total 100',
      'quiver_dataplane_drops_total{reason="access_denied"} 3',
      'quiver_dataplane_drops_total{reason="no_tenant"} 0',
      'quiver_dataplane_bytes_total{side="lan",direction="in"} 9000000000',
      'quiver_dataplane_packets_total{side="wan",direction="out"} 7',
      'quiver_service_bytes_total{service="prod/db",direction="forward"} 1000',
      'quiver_peer_path_up{router="b",node="b1",local="192.0.2.1",remote="198.51.100.1"} 1',
      'quiver_peer_path_suspect{router="b",node="b1",local="192.0.2.1",remote="198.51.100.1"} 0',
      'quiver_peer_clock_offset_seconds{router="b",node="b1",local="192.0.2.1",remote="198.51.100.1"} -0.25',
      'quiver_target_healthy{route="prod/db",address="10.0.0.1",port="5432"} 1',
      'quiver_config_version 4',
      'quiver_config_age_seconds 12.5',
      'quiver_config_stale 1',
    ];
    assert.deepEqual(
      expected.filter((line) => !lines.includes(line)),
      [],
    );
  });

  it('have names of ours only, and none twice', async () => {
    const text = await new Metrics().text(input);
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '');
    assert.deepEqual(
      names.filter((name) => !name.startsWith('quiver_')),
      [],
    );
    assert.equal(new Set(names).size, names.length);
  });

  it('find nothing to complain about with promtool', async () => {
    const text = await new Metrics().text(input);
    assert.match(text, /^# HELP quiver_/);
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    // Where promtool is not installed, the shape above is all that can be seen.
    if (checked.error === undefined) assert.equal(`${checked.stdout}${checked.stderr}`, '');
  }).timeout(20_000);

  it('forget a service that is gone', async () => {
    const metrics = new Metrics();
    await metrics.text(input);
    const text = await metrics.text({ ...input, counters: Counters.create() });
    assert.ok(!text.includes('service="prod/db"'));
    assert.ok(!text.includes('quiver_peer_path_up{'));
  });

  it('follow the totals of an engine that began anew', async () => {
    const metrics = new Metrics();
    await metrics.text(input);
    const text = await metrics.text({ ...input, counters: Counters.create({ sessionsOpened: 2n }) });
    assert.match(text, /^quiver_dataplane_sessions_opened_total 2$/m);
  });

  it('keep the number of series within bounds and lose no count', async () => {
    const services = Array.from({ length: 700 }, (_, index) => ({ service: `s${1000 + index}`, sessions: 1n }));
    const text = await new Metrics().text({ ...input, counters: Counters.create({ services }) });
    const lines = text.split('\n').filter((line) => line.startsWith('quiver_service_sessions{'));
    assert.equal(lines.length, 501);
    assert.ok(lines.includes('quiver_service_sessions{service="_other"} 200'));
  });
});
