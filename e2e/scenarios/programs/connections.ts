// Holds TCP connections and talks on each: `node connections.ts HOST PORT COUNT`. Prints four times a second, as one
// line of JSON, how many live, how many have broken, and the longest silence between a line and its echo.
import { connect, type Socket } from 'node:net';
import { setInterval } from 'node:timers';

const [host = '', port = '0', count = '1'] = process.argv.slice(2);
const EVERY_MS = 100;
const REPORT_MS = 250;

interface Conversation {
  readonly socket: Socket;
  server: string;
  answers: number;
  lastAnswer: number;
  longestGap: number;
  ended: string;
}

function open(): Conversation {
  const socket = connect({ host, port: Number(port), noDelay: true });
  const own: Conversation = { socket, server: '', answers: 0, lastAnswer: 0, longestGap: 0, ended: '' };
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(own, line);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => (own.ended ||= error.code ?? error.message));
  socket.on('close', () => (own.ended ||= 'closed'));
  return own;
}

function take(own: Conversation, line: string): void {
  const time = performance.now();
  if (own.server === '') own.server = line;
  else own.answers += 1;
  if (own.lastAnswer > 0) own.longestGap = Math.max(own.longestGap, time - own.lastAnswer);
  own.lastAnswer = time;
}

const conversations = Array.from({ length: Number(count) }, open);
let round = 0;

setInterval(() => {
  round += 1;
  for (const { socket, server, ended } of conversations) if (server !== '' && ended === '') socket.write(`${round}\n`);
}, EVERY_MS);

setInterval(() => {
  const time = performance.now();
  const live = conversations.filter(({ server, ended }) => server !== '' && ended === '');
  const servers: Record<string, number> = {};
  for (const { server } of live) servers[server] = (servers[server] ?? 0) + 1;
  const report = {
    live: live.length,
    ended: conversations.flatMap(({ ended, server }) => (ended === '' ? [] : [{ server, why: ended }])),
    answers: conversations.reduce((sum, { answers }) => sum + answers, 0),
    longestGap: Math.round(Math.max(0, ...conversations.map(({ longestGap }) => longestGap))),
    silence: Math.round(Math.max(0, ...live.map(({ lastAnswer }) => time - lastAnswer))),
    servers,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}, REPORT_MS);
