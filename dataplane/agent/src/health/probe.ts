import { request } from 'node:http';
import { connect, isIPv6 } from 'node:net';

/** What is asked of one target. */
export interface ProbeOrder {
  readonly kind: 'TCP' | 'HTTP';
  readonly address: string;
  readonly port: number;
  /** HTTP only. */
  readonly path: string;
  readonly timeoutMs: number;
}

/** Asks a target; false when it does not answer in time, or not as it should. */
export type Probe = (order: ProbeOrder) => Promise<boolean>;

/** Asks over the network. */
export function networkProbe(order: ProbeOrder): Promise<boolean> {
  return order.kind === 'TCP' ? connects(order) : answers(order);
}

function connects({ address, port, timeoutMs }: ProbeOrder): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: timeoutMs });
    const end = (isAnswered: boolean) => {
      socket.destroy();
      resolve(isAnswered);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

function answers({ address, port, path, timeoutMs }: ProbeOrder): Promise<boolean> {
  return new Promise((resolve) => {
    const host = isIPv6(address) ? `[${address}]` : address;
    const call = request(
      {
        host: address,
        port,
        path: path === '' ? '/' : path,
        headers: { host, connection: 'close' },
        timeout: timeoutMs,
      },
      (response) => {
        const status = response.statusCode ?? 0;
        // What it says is of no interest, and may be endless.
        response.destroy();
        resolve(status >= 200 && status < 400);
      },
    );
    call.once('timeout', () => call.destroy());
    call.once('error', () => resolve(false));
    call.once('close', () => resolve(false));
    call.end();
  });
}
