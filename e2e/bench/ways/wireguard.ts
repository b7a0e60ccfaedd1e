import { generateKeyPairSync } from 'node:crypto';
import { createConnection } from 'node:net';
import { eventually } from '../../harness/eventually.ts';
import type { Process } from '../../harness/process.ts';
import type { Baselines } from '../baselines.ts';
import { type Chain, places } from '../chain.ts';
import type { Way } from './way.ts';

type WireguardName = 'wireguard-go' | 'tailscale' | 'boringtun';

const port = 51820;

/** A WireGuard tunnel by a program in user space, with the settings that make it quickest here. */
export async function wireguard(chain: Chain, name: WireguardName, baselines: Baselines): Promise<Way> {
  const programs: Process[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(programs.map((program) => program.stop('SIGTERM')));
    await chain.remove();
  };
  try {
    const keys = { a: makeKeys(), b: makeKeys() };
    // All of them share one folder of control sockets, whatever namespace they are in.
    const device = (side: string): string => `${name.slice(0, 3)}${process.pid % 100_000}${side}`;
    const sides = [
      { node: chain.a, device: device('a'), own: keys.a, peer: keys.b, far: '10.2.0.0/24', at: places.wanB },
      { node: chain.b, device: device('b'), own: keys.b, peer: keys.a, far: '10.1.0.0/24', at: places.wanA },
    ];
    for (const side of sides) {
      programs.push(side.node.start(commandOf(name, side.device, baselines)));
      await configure(side.device, side.own.secret, side.peer.shared, side.at);
      await side.node.shell(`ip link set ${side.device} mtu 1420 up; ip route add ${side.far} dev ${side.device}`);
    }
    return { name, chain, target: places.server, pids: programs.map(({ pid }) => pid), close };
  } catch (caught) {
    await close();
    throw caught;
  }
}

function commandOf(name: WireguardName, device: string, baselines: Baselines): string[] {
  const program = baselines[name];
  if (name !== 'boringtun') return ['env', 'WG_PROCESS_FOREGROUND=1', 'LOG_LEVEL=error', program, '-f', device];
  // One thread on one queue: 1.6 times the throughput of its default here, and the best latency of all peers.
  return [program, '-f', '--disable-drop-privileges', '-t', '1', '--disable-multi-queue', device];
}

interface Keys {
  readonly secret: string;
  readonly shared: string;
}

/** An X25519 pair; hex, as the configuration protocol wants it. */
function makeKeys(): Keys {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const secret = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32);
  const shared = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return { secret: secret.toString('hex'), shared: shared.toString('hex') };
}

/** WireGuard's cross-platform configuration protocol, over the program's socket. */
async function configure(device: string, secret: string, peer: string, endpoint: string): Promise<void> {
  const lines = [
    'set=1',
    `private_key=${secret}`,
    `listen_port=${port}`,
    `public_key=${peer}`,
    `endpoint=${endpoint}:${port}`,
    'allowed_ip=0.0.0.0/0',
  ];
  const answer = await eventually(`${device} takes its configuration`, () =>
    ask(`/var/run/wireguard/${device}.sock`, `${lines.join('\n')}\n\n`).catch(() => undefined),
  );
  if (!answer.includes('errno=0')) throw new Error(`${device} refuses its configuration: ${answer.trim()}`);
}

function ask(path: string, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path, () => socket.write(question));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.endsWith('\n\n')) socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
