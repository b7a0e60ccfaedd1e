import assert from 'node:assert/strict';
import { Capture } from '../harness/capture.ts';
import { engineBuildTime } from '../harness/engine-build.ts';
import type { Namespace } from '../harness/namespace.ts';
import type { CapturedPacket } from '../harness/packet.ts';
import { Pair, services } from '../harness/pair.ts';
import { addresses } from '../harness/sites.ts';
import { askUdp } from '../harness/traffic.ts';

const PORTS = [16384, 16385, 20000, 20001, 29998, 29999];
/** Twelve bytes of a metadata header that promises more than there is. */
const TORN = '4c48dbc6ddf6670c1fff ffff'.replaceAll(' ', '');

describe('packets at the waypoint that nobody asked for', function () {
  this.timeout(engineBuildTime);
  let pair: Pair;

  before(async () => {
    pair = await Pair.start();
  });
  after(() => pair?.remove());

  /** Probes every port with UDP and TCP; what passed between the two addresses meanwhile. */
  async function probe(machine: Namespace, from: string): Promise<CapturedPacket[]> {
    const { core, folder } = pair.sites;
    const filter = `host ${from} and host ${addresses.waypointA}`;
    const capture = await Capture.start(core, 'to-a', `${folder}/probe.pcap`, filter);
    for (const port of PORTS) {
      const to = `${addresses.waypointA}:${port}`;
      for (const payload of ['00', TORN, `${TORN}${'41'.repeat(300)}`]) {
        const send = `UDP4-SENDTO:${to},bind=${from}:20002`;
        await machine.must(['sh', '-c', `printf '${payload.replaceAll(/../g, '\\x$&')}' | socat -u - ${send}`]);
      }
      await machine.run(['socat', '-u', '/dev/null', `TCP4:${to},bind=${from}:20002,connect-timeout=0.3`]);
    }
    return capture.stop();
  }

  it('from the peer itself get no answer larger than they are, and open nothing', async () => {
    const before = (await pair.a.sessions()).length;
    const packets = await probe(pair.sites.routerB, addresses.waypointB);
    const probes = packets.filter(({ source, sourcePort }) => source === addresses.waypointB && sourcePort === 20002);
    const answers = packets.filter(
      ({ source, destinationPort }) => source === addresses.waypointA && destinationPort === 20002,
    );
    assert.ok(probes.length >= PORTS.length * 3, `${probes.length} probes`);
    const bytes = (some: readonly CapturedPacket[]): number => some.reduce((sum, { length }) => sum + length, 0);
    assert.ok(bytes(answers) <= bytes(probes), `${bytes(answers)} bytes for ${bytes(probes)}`);
    assert.equal(
      packets.filter(({ tcp, source }) => tcp?.isReset === true && source === addresses.waypointA).length,
      0,
    );
    assert.equal((await pair.a.sessions()).length, before);
    assert.ok((await pair.a.drops()).size > 0, 'nothing was counted');
  });

  it('from a stranger open nothing and are not answered by the router', async () => {
    const before = (await pair.a.sessions()).length;
    const packets = await probe(pair.sites.stranger, addresses.stranger);
    const data = packets.filter(({ source, protocol }) => source === addresses.waypointA && protocol === 17);
    assert.ok(packets.length > 0);
    assert.equal(data.length, 0);
    assert.equal((await pair.a.sessions()).length, before);
  });

  it('do not disturb the sessions of others', async () => {
    const asking = { from: addresses.client.v4, to: services.echo.v4, ports: '9000', rounds: 10 };
    const [asked] = await Promise.all([
      askUdp(pair.sites.client, asking),
      probe(pair.sites.routerB, addresses.waypointB),
    ]);
    assert.equal(asked.received, 10);
  });
});
