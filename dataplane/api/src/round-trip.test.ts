import assert from 'node:assert/strict';
import { AgentMessage, ConfigStreamServiceService, NodeConfig, Snapshot } from './index.ts';

describe('the data plane contract', () => {
  it('carries a configuration through its bytes unchanged', () => {
    const config = NodeConfig.fromPartial({
      fabric: 'f',
      router: 'a',
      node: 'n1',
      waypoints: [{ name: 'n1', address: '192.0.2.1' }],
      waypointPorts: { first: 16384, last: 29999 },
    });
    assert.deepEqual(NodeConfig.decode(NodeConfig.encode(config).finish()), config);
  });

  it('keeps versions above what a JavaScript number can hold', () => {
    const snapshot = Snapshot.fromPartial({ version: 18446744073709551615n, epoch: 1n, digest: 'd' });
    assert.equal(Snapshot.decode(Snapshot.encode(snapshot).finish()).version, 18446744073709551615n);
  });

  it('names the member of a union that was sent', () => {
    const message = AgentMessage.fromPartial({ message: { $case: 'ack', value: { version: 7n } } });
    const decoded = AgentMessage.decode(AgentMessage.encode(message).finish());
    assert.deepEqual(decoded.message, { $case: 'ack', value: { version: 7n } });
  });

  it('gives equal bytes for equal content', () => {
    const make = () =>
      NodeConfig.encode(NodeConfig.fromPartial({ fabric: 'f', servicePool: ['198.18.0.0/16'] })).finish();
    assert.deepEqual(make(), make());
  });

  it('defines one bidirectional stream between agent and operator', () => {
    const { connect } = ConfigStreamServiceService;
    assert.equal(connect.path, '/quiver.dataplane.v1.ConfigStreamService/Connect');
    assert.ok(connect.requestStream && connect.responseStream);
  });
});
