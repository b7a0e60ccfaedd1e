// Tries to connect again and again: `node probe.ts HOST PORT`. Prints a line of JSON whenever the outcome changes:
// whether a connection was made, and when, in milliseconds since the epoch.
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';

const [host = '', port = '0'] = process.argv.slice(2);
const PAUSE_MS = 10;
const PATIENCE_MS = 150;

function attempt(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: PATIENCE_MS });
    const end = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

let last: boolean | undefined;
for (;;) {
  const isOpen = await attempt();
  if (isOpen !== last) process.stdout.write(`${JSON.stringify({ isOpen, at: Date.now() })}\n`);
  last = isOpen;
  await setTimeout(PAUSE_MS);
}
