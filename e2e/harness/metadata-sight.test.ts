import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addedBytes, addressesSeen, isMetadata, metadataLength, packetsWith } from './metadata-sight.ts';
import type { CapturedPacket } from './packet.ts';
import { readPcap } from './pcap.ts';

const METADATA = Buffer.from('4c48dbc6ddf6670c100c0004deadbeef', 'hex');

/** An Ethernet frame with TCP from 192.0.2.1:16384 to 203.0.113.1:16385. */
function frame(sequence: number, payload: Buffer, options = Buffer.alloc(0)): Buffer {
  const ip = Buffer.from('450000000000400040060000c0000201cb007101', 'hex');
  const tcp = Buffer.alloc(20 + options.length);
  tcp.writeUInt16BE(16384, 0);
  tcp.writeUInt16BE(16385, 2);
  tcp.writeUInt32BE(sequence, 4);
  tcp.writeUInt8(((20 + options.length) / 4) << 4, 12);
  tcp.writeUInt8(0x10, 13);
  options.copy(tcp, 20);
  ip.writeUInt16BE(20 + tcp.length + payload.length, 2);
  return Buffer.concat([Buffer.alloc(12), Buffer.from('0800', 'hex'), ip, tcp, payload]);
}

/** The packets of frames, by way of a capture file. */
function captured(frames: readonly Buffer[]): CapturedPacket[] {
  const folder = mkdtempSync(join(tmpdir(), 'quiver-pcap-'));
  try {
    const header = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex');
    const records = frames.flatMap((bytes) => {
      const record = Buffer.alloc(16);
      record.writeUInt32LE(bytes.length, 8);
      record.writeUInt32LE(bytes.length, 12);
      return [record, bytes];
    });
    const path = join(folder, 'test.pcap');
    // A record that tcpdump had no time to finish.
    writeFileSync(path, Buffer.concat([header, ...records, Buffer.alloc(10)]));
    return readPcap(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('what a capture shows', () => {
  it('names addresses, ports and payload of each whole packet', () => {
    const [packet, ...others] = captured([frame(1, Buffer.from('hello'))]);
    assert.equal(others.length, 0);
    assert.deepEqual(
      [packet?.source, packet?.sourcePort, packet?.destination, packet?.destinationPort, packet?.length],
      ['192.0.2.1', 16384, '203.0.113.1', 16385, 45],
    );
    assert.equal(packet?.payload.toString(), 'hello');
  });

  it('tells metadata with its length from payload that only looks like it', () => {
    const [first, second] = captured([frame(1, METADATA), frame(2, METADATA.subarray(0, 8))]);
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual([metadataLength(first), isMetadata(second)], [16, false]);
  });

  it('counts added bytes behind the last metadata only', () => {
    const lan = captured([frame(1, Buffer.alloc(0)), frame(2, Buffer.alloc(100)), frame(102, Buffer.alloc(100))]);
    const equal = captured([frame(1, METADATA), frame(2, Buffer.alloc(100)), frame(102, Buffer.alloc(100))]);
    assert.equal(addedBytes(lan, equal), 0);
    const grown = captured([frame(1, METADATA), frame(2, Buffer.alloc(100), Buffer.alloc(8))]);
    assert.equal(addedBytes(lan, grown), 8);
    const foreign = captured([frame(1, METADATA), frame(7, Buffer.alloc(100))]);
    assert.equal(addedBytes(lan, foreign), 140, 'a packet that the LAN has not seen counts whole');
  });

  it('compares acknowledgements that differ in their options with their likes', () => {
    const both = [frame(1, Buffer.alloc(0)), frame(1, Buffer.alloc(0), Buffer.alloc(12))];
    assert.equal(addedBytes(captured(both), captured(both)), 0);
  });

  it('finds addresses in headers and texts in payloads', () => {
    const packets = captured([frame(1, Buffer.from('the secret')), frame(2, Buffer.from('nothing'))]);
    assert.deepEqual(
      [...addressesSeen(packets)],
      [
        ['192.0.2.1', 2],
        ['203.0.113.1', 2],
      ],
    );
    assert.equal(packetsWith(packets, ['secret']), 1);
  });
});
