// Sends every datagram back and prints a line for each: `node udp-echo.ts PORT [FIRST-LAST ...]`.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const ports = process.argv.slice(2).flatMap((text) => {
  const [first = 0, last = first] = text.split('-').map(Number);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
});

await Promise.all(
  ports.map(async (port) => {
    const socket = createSocket('udp6');
    socket.on('message', (bytes, from) => {
      process.stdout.write(`${from.address} ${port} ${bytes.subarray(0, 40).toString('latin1')}\n`);
      socket.send(bytes, from.port, from.address);
    });
    socket.bind(port, '::');
    await once(socket, 'listening');
  }),
);
process.stdout.write('listening\n');
