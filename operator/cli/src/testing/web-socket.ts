import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const protocol = 'v5.channel.k8s.io';

/** Answers the client's wish for a WebSocket (RFC 6455) and takes what comes without reading it. */
export function acceptSocket(request: IncomingMessage, socket: Duplex): void {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  const lines = ['HTTP/1.1 101 Switching Protocols', 'upgrade: websocket', 'connection: Upgrade'];
  lines.push(`sec-websocket-accept: ${accept}`, `sec-websocket-protocol: ${protocol}`, '', '');
  socket.write(lines.join('\r\n'));
  socket.on('error', () => socket.destroy()).resume();
}

/** One binary message of a channel, as a server sends it. */
export function frameOf(channel: number, text: string): Buffer {
  const payload = Buffer.concat([Buffer.of(channel), Buffer.from(text)]);
  const header = payload.length < 126 ? Buffer.of(0x82, payload.length) : Buffer.alloc(10);
  if (payload.length >= 126) {
    header.writeUInt8(0x82, 0);
    header.writeUInt8(127, 1);
    header.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([header, payload]);
}
