// Asks each port of an address once per round, from one socket each, and prints what came back as JSON:
// `node udp-client.ts FROM TO PORT[-LAST] ROUNDS TEXT`. A datagram unanswered for a second is lost.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const [from = '', to = '', range = '', rounds = '1', text = 'hello'] = process.argv.slice(2);
const [first = 0, last = first] = range.split('-').map(Number);
const family = to.includes(':') ? 'udp6' : 'udp4';

async function ask(socket: Socket, port: number, question: string): Promise<boolean> {
  const late = AbortSignal.timeout(1000);
  socket.send(question, port, to);
  for (;;) {
    try {
      const [answer] = (await once(socket, 'message', { signal: late })) as [Buffer];
      if (answer.toString() === question) return true;
    } catch {
      return false;
    }
  }
}

async function askPort(port: number): Promise<number> {
  const socket = createSocket(family);
  socket.bind({ port: 0, address: from });
  await once(socket, 'listening');
  let answered = 0;
  for (let round = 0; round < Number(rounds); round += 1) {
    if (await ask(socket, port, `${text} ${port} ${round}`)) answered += 1;
  }
  socket.close();
  return answered;
}

const ports = Array.from({ length: last - first + 1 }, (_, index) => first + index);
const answers = await Promise.all(ports.map(askPort));
const received = answers.reduce((sum, one) => sum + one, 0);
const portsOk = answers.filter((one) => one > 0).length;
process.stdout.write(
  `${JSON.stringify({ sent: ports.length * Number(rounds), received, portsTried: ports.length, portsOk })}\n`,
);
