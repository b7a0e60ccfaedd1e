import assert from 'node:assert/strict';
import { silentLogger } from './logger.ts';
import type { Snapshot } from './source/resource-source.ts';
import { exampleSnapshot, resourceYaml } from './testing/example.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { FakeSource } from './testing/fake-source.ts';
import { type Translated, Translator } from './translator.ts';

function withPort(port: number): Snapshot {
  return exampleSnapshot(resourceYaml.replace('5432', String(port)));
}

function portOf({ ir }: Translated): number | undefined {
  return ir.services[0]?.ports[0]?.first;
}

describe('translations of what changes', () => {
  let clock: FakeClock;
  let source: FakeSource;
  let translator: Translator;
  let ports: (number | undefined)[];

  beforeEach(async () => {
    clock = new FakeClock();
    source = new FakeSource(withPort(1));
    // Each translation takes a second.
    const measure = <T>(run: () => T): T => {
      clock.advance(1_000);
      return run();
    };
    translator = new Translator({ source, clock, logger: silentLogger(), measure });
    ports = [];
    await translator.start();
    translator.subscribe((translated) => ports.push(portOf(translated)));
    clock.advance(20_000);
  });

  afterEach(() => translator.stop());

  it('are made at once', () => {
    for (const port of [2, 3, 4]) source.put(withPort(port));
    assert.deepEqual(ports, [1, 2, 3, 4]);
  });

  it('leave out what is outdated in a storm of changes, and never the last', () => {
    for (const port of [2, 3, 4, 5, 6, 7]) source.put(withPort(port));
    for (const port of [8, 9, 10]) source.put(withPort(port));
    assert.deepEqual(ports, [1, 2, 3, 4, 5, 6, 7]);
    clock.advance(1_999);
    assert.deepEqual(ports.at(-1), 7);
    clock.advance(1);
    assert.deepEqual(ports.slice(-2), [7, 10]);
    clock.advance(60_000);
    assert.deepEqual(ports.slice(-2), [7, 10]);
    source.put(withPort(11));
    assert.deepEqual(ports.at(-1), 11);
  });

  it('are told to whoever asks later', () => {
    let latest: number | undefined;
    translator.subscribe((translated) => {
      latest = portOf(translated);
    });
    assert.equal(latest, 1);
  });
});
