import assert from 'node:assert/strict';
import { ManualClock } from '../../../../dataplane/agent/src/testing/manual-clock.ts';
import { OpeningLines } from './opening-lines.ts';

const unknown = 'Service prod/db: Ready=Unknown (Pending: node a1 is not connected)';

describe('what is told while a router starts', () => {
  function make() {
    const clock = new ManualClock();
    const told: string[] = [];
    return { clock, told, lines: new OpeningLines('a1', (line) => told.push(line), clock) };
  }

  it('is how things are when the node is connected, and not how they were before', async () => {
    const { lines, told, clock } = make();
    const all = [
      'web.yaml:3: Service prod/web: x (NoRoute)',
      'Node a1: not connected',
      'Node a2: not connected',
      unknown,
    ];
    for (const line of all) lines.print(line);
    assert.deepEqual(told, []);
    for (const line of ['Node a1: connected, configuration Current', 'Service prod/db: Ready=True']) lines.print(line);
    await Promise.resolve();
    assert.deepEqual(told, [
      'web.yaml:3: Service prod/web: x (NoRoute)',
      'Node a2: not connected',
      'Node a1: connected, configuration Current',
      'Service prod/db: Ready=True',
    ]);
    assert.equal(clock.waiting, 0);
  });

  it('is told in any case after two seconds', () => {
    const { lines, told, clock } = make();
    lines.print(unknown);
    clock.advance(2_000);
    assert.deepEqual(told, [unknown]);
  });

  it('is told at once from then on', () => {
    const { lines, told } = make();
    lines.open();
    lines.open();
    lines.print(unknown);
    assert.deepEqual(told, [unknown]);
  });
});
