import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaptureResponse } from '@quiver/dataplane-api';
import { FakeNode } from '../testing/fake-node.ts';
import { runQuiver } from '../testing/run-quiver.ts';
import { scratchFolder } from '../testing/scratch.ts';

const summary = (missed: bigint): CaptureResponse => ({ part: { $case: 'summary', value: { packets: 3n, missed } } });
const piece = (text: string): CaptureResponse => ({ part: { $case: 'data', value: Buffer.from(text) } });

describe('quiver capture', () => {
  const folder = scratchFolder();
  let node: FakeNode;

  beforeEach(async () => {
    node = await FakeNode.listen(join(folder(), 'a.sock'));
    node.captured = [piece('pcap'), piece('ng'), summary(0n)];
  });
  afterEach(() => node.close());

  const run = (...args: string[]) => runQuiver(['capture', '--socket', join(folder(), 'a.sock'), ...args]);

  it('writes the file and says how many packets it holds', async () => {
    const file = join(folder(), 'x.pcapng');
    const { code, stdout, stderr } = await run('-w', file, '--count', '5', '--duration', '20s');
    assert.deepEqual([code, stdout], [0, '']);
    assert.equal(stderr, `capturing for 20s or 5 packets\n3 packets in ${file}\n`);
    assert.equal(await readFile(file, 'utf8'), 'pcapng');
    assert.deepEqual(node.requests, [{ address: '', port: 0, maxPackets: 5n, maxSeconds: 20 }]);
  });

  it('writes nothing but packets to stdout', async () => {
    node.captured = [piece('pcapng'), summary(2n)];
    const { stdout, stderr } = await run('-w', '-');
    assert.equal(stdout, 'pcapng');
    assert.match(stderr, /2 came too fast/);
  });

  it('understands filters for an address, a port, and both', async () => {
    const file = join(folder(), 'x.pcapng');
    for (const filter of ['host 10.1.0.5', 'port 443', 'host 2001:db8::1 and port 53'])
      await run('-w', file, '--filter', filter);
    assert.deepEqual(
      (node.requests as { address: string; port: number }[]).map(({ address, port }) => [address, port]),
      [
        ['10.1.0.5', 0],
        ['', 443],
        ['2001:db8::1', 53],
      ],
    );
  });

  it('refuses what it does not understand with exit code 2', async () => {
    const wrong = [
      ['--filter', 'tcp'],
      ['--filter', 'host web'],
      ['--filter', 'port 70000'],
      ['--filter', 'port 1 and port 2'],
      ['--duration', '2h'],
      ['--count', 'all'],
    ];
    const codes = await Promise.all(wrong.map(async (args) => (await run('-w', 'x', ...args)).code));
    assert.deepEqual(new Set(codes), new Set([2]));
    assert.equal((await run()).code, 2);
    assert.deepEqual(node.requests, []);
  });

  it('names the file that cannot be written', async () => {
    const { code, stderr } = await run('-w', join(folder(), 'missing', 'x.pcapng'));
    assert.equal(code, 1);
    assert.match(stderr, /missing\/x\.pcapng cannot be written/);
  });

  it('passes on why the node does not capture, and notices an end that comes early', async () => {
    node.captured = [piece('pcap')];
    assert.match((await run('-w', '-')).stderr, /before it was whole/);
    node.failure = 'a capture is running; wait for its end';
    const { code, stderr } = await run('-w', '-');
    assert.equal(code, 1);
    assert.match(stderr, /a capture is running/);
  });
});
