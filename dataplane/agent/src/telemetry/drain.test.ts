import assert from 'node:assert/strict';
import { Counters } from '@quiver/dataplane-api';
import { type Logger, silentLogger } from '../logger.ts';
import { FakeEngine } from '../testing/fake-engine.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { TelemetryDrain } from './drain.ts';

function make() {
  const engine = new FakeEngine();
  const clock = new ManualClock();
  const lines: string[] = [];
  const note = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const logger: Logger = {
    ...silentLogger(),
    warn: note('warn'),
    error: note('error'),
    info: note('info'),
    debug: note('debug'),
  };
  let drained = 0;
  const drain = new TelemetryDrain({ engine, clock, logger, drained: () => void (drained += 1) });
  return { engine, clock, drain, lines, drained: () => drained };
}

describe('draining telemetry', () => {
  it('happens every second', async () => {
    const { engine, clock, drain, drained } = make();
    engine.counters = Counters.create({ sessions: 5n });
    drain.start();
    clock.advance(1_000);
    await drain.refresh();
    assert.equal(drain.counters.sessions, 5n);
    clock.advance(1_000);
    await drain.stop();
    assert.equal(drained(), 2);
    assert.equal(clock.waiting, 0);
  });

  it('is joined by whoever asks while it is under way', async () => {
    const { drain, drained } = make();
    await Promise.all([drain.refresh(), drain.refresh()]);
    assert.equal(drained(), 1);
  });

  it('tells a standing notice once', async () => {
    const { engine, drain, lines } = make();
    engine.notices = ['the uplink has no receive offload; turn it on with ethtool'];
    await drain.refresh();
    await drain.refresh();
    assert.deepEqual(lines, ['warn the uplink has no receive offload; turn it on with ethtool']);
  });

  it('logs a failed worker as an error and single sessions at debug only', async () => {
    const { engine, drain, lines } = make();
    engine.events = [
      { at: 1n, event: { $case: 'sessionOpened', value: {} } },
      { at: 2n, event: { $case: 'sessionModified', value: { sessionId: 'x', change: 'Sealed' } } },
      { at: 3n, event: { $case: 'sessionClosed', value: { reason: 'Idle' } } },
      { at: 4n, event: { $case: 'metadataRejected', value: { remoteAddress: '192.0.2.9', reason: 'metadata_stale' } } },
      { at: 5n, event: { $case: 'peerRestarted', value: { router: 'b', node: 'b1' } } },
      { at: 6n, event: { $case: 'engineRestarted', value: { worker: 2, message: 'index out of bounds' } } },
      { at: 7n },
    ];
    await drain.refresh();
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]),
      ['debug', 'debug', 'debug', 'debug', 'info', 'error'],
    );
  });

  it('says once that the engine does not answer, and keeps what was known', async () => {
    const { engine, drain, lines } = make();
    engine.counters = Counters.create({ sessions: 5n });
    await drain.refresh();
    engine.failure = new Error('a worker did not answer');
    await drain.refresh();
    await drain.refresh();
    assert.equal(drain.isAnswering, false);
    assert.equal(drain.counters.sessions, 5n);
    assert.deepEqual(lines, ['error the engine does not answer']);
  });
});
