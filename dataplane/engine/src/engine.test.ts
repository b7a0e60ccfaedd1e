import assert from 'node:assert/strict';
import { DumpRequest, ExplainRequest, NodeConfig, Snapshot, Telemetry } from '@quiver/dataplane-api';
import type { Binding, BindingAnswer, BindingRouter } from './binding.ts';
import { Engine } from './engine.ts';
import { EngineFault } from './engine-fault.ts';

const ROUTER = {} as BindingRouter;
const DONE: BindingAnswer = { bytes: Buffer.alloc(0), refusals: [] };
const FAULT = { code: 'NoAnswer', message: 'a worker did not answer' };

/** An addon that answers everything, except where told otherwise. */
function binding(overrides: Partial<Binding> = {}): Binding {
  return {
    start: () => Promise.resolve({ router: ROUTER, refusals: [] }),
    applyConfig: () => Promise.resolve(DONE),
    drainTelemetry: () => Promise.resolve(DONE),
    dump: () => Promise.resolve(DONE),
    explain: () => Promise.resolve(DONE),
    capture: () => Promise.resolve({ packets: 0, missed: 0, refusals: [] }),
    endCapture: () => Promise.resolve(DONE),
    stop: () => Promise.resolve(DONE),
    ...overrides,
  };
}

describe('engine', () => {
  it('tells why it could not start, with the way out', async () => {
    const refusal = { code: 'MissingTun', message: 'there is no /dev/net/tun; load the kernel module tun' };
    const start = () => Promise.resolve({ refusals: [refusal] });
    await assert.rejects(Engine.start(binding({ start })), new EngineFault(refusal.code, refusal.message));
  });

  it('hands configuration and secrets over as one snapshot', async () => {
    const given: Snapshot[] = [];
    const applyConfig: Binding['applyConfig'] = (_router, bytes) => {
      given.push(Snapshot.decode(bytes));
      return Promise.resolve(DONE);
    };
    const engine = await Engine.start(binding({ applyConfig }));
    const secret = { secretId: 'fabric/1', value: Buffer.from('0123456789abcdef') };
    assert.deepEqual(await engine.applyConfig(NodeConfig.create({ router: 'a' }), [secret]), []);
    assert.equal(given[0]?.config?.router, 'a');
    assert.deepEqual(
      given[0]?.secrets.map((s) => [s.secretId, s.value.toString()]),
      [['fabric/1', '0123456789abcdef']],
    );
  });

  it('answers what is wrong with a configuration instead of throwing', async () => {
    const rejected = { code: 'InvalidPrefix', field: 'service_pool[0]', message: 'has host bits set' };
    const applyConfig = () => Promise.resolve({ refusals: [rejected] });
    const engine = await Engine.start(binding({ applyConfig }));
    assert.deepEqual(await engine.applyConfig(NodeConfig.create(), []), [rejected]);
  });

  it('throws when the machine and not the configuration is to blame', async () => {
    const applyConfig = () => Promise.resolve({ refusals: [{ code: 'MissingNft', message: 'install nftables' }] });
    const engine = await Engine.start(binding({ applyConfig }));
    await assert.rejects(
      engine.applyConfig(NodeConfig.create(), []),
      new EngineFault('MissingNft', 'install nftables'),
    );
  });

  it('decodes telemetry and tells faults of every other call', async () => {
    const bytes = Buffer.from(Telemetry.encode(Telemetry.create({ notices: ['forwarding is off'] })).finish());
    const drainTelemetry = () => Promise.resolve({ bytes, refusals: [] });
    const failed = () => Promise.resolve({ refusals: [FAULT] });
    const capture = () => Promise.resolve({ packets: 0, missed: 0, refusals: [FAULT] });
    const engine = await Engine.start(
      binding({ drainTelemetry, dump: failed, explain: failed, endCapture: failed, stop: failed, capture }),
    );
    assert.deepEqual((await engine.drainTelemetry()).notices, ['forwarding is off']);
    const expected = new EngineFault(FAULT.code, FAULT.message);
    await assert.rejects(engine.dump(DumpRequest.create()), expected);
    await assert.rejects(engine.explain(ExplainRequest.create()), expected);
    await assert.rejects(engine.capture({ path: '/tmp/x' }), expected);
    await assert.rejects(engine.endCapture(), expected);
    await assert.rejects(engine.stop(false), expected);
  });

  it('counts captured packets as large numbers', async () => {
    const capture = () => Promise.resolve({ packets: 7, missed: 1, refusals: [] });
    const engine = await Engine.start(binding({ capture }));
    assert.deepEqual(await engine.capture({ path: '/tmp/x' }), { packets: 7n, missed: 1n });
  });
});
