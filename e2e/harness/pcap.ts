import { readFileSync } from 'node:fs';
import { type CapturedPacket, readPacket } from './packet.ts';

const MAGIC = 0xa1b2c3d4;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const ETHERNET = 1;

/** The IP packets of a capture that tcpdump wrote on an Ethernet device. A record cut off at the end is left out. */
export function readPcap(path: string): CapturedPacket[] {
  const file = readFileSync(path);
  if (file.length < FILE_HEADER || file.readUInt32LE(0) !== MAGIC || file.readUInt32LE(20) !== ETHERNET) {
    throw new Error(`${path} is no Ethernet capture in pcap form`);
  }
  const packets: CapturedPacket[] = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= file.length; ) {
    const time = file.readUInt32LE(at) + file.readUInt32LE(at + 4) / 1e6;
    const end = at + RECORD_HEADER + file.readUInt32LE(at + 8);
    if (end > file.length) break;
    const packet = readPacket(time, file.subarray(at + RECORD_HEADER, end));
    if (packet !== undefined) packets.push(packet);
    at = end;
  }
  return packets;
}
