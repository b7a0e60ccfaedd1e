// What test pods serve, until they are told to end: `node server.ts HTTP-PORT ECHO-PORT [UDP-FIRST-LAST]`.
// HTTP answers who it is and who asks, as JSON; echo greets with its name and sends every line back; UDP sends back.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { hostname } from 'node:os';

const [httpPort = '8080', echoPort = '7000', udpPorts = ''] = process.argv.slice(2);

const web = createServer((request, response) => {
  const body = JSON.stringify({ pod: hostname(), from: request.socket.remoteAddress, path: request.url });
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${body}\n`);
});
web.listen(Number(httpPort), '::');

const echo = createTcpServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.write(`${hostname()}\n`);
  socket.pipe(socket);
});
echo.listen(Number(echoPort), '::');

const [first = 0, last = first] = udpPorts === '' ? [0, -1] : udpPorts.split('-').map(Number);
for (let port = first; port <= last; port += 1) {
  const socket = createSocket('udp6');
  socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
  socket.bind(port, '::');
}

// New connections are refused from now on; those that are there may finish.
process.on('SIGTERM', () => {
  web.close();
  echo.close(() => process.exit(0));
  web.closeAllConnections();
});
process.stdout.write('listening\n');
