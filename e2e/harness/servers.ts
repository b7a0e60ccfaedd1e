import { join } from 'node:path';
import { eventually } from './eventually.ts';
import type { Namespace } from './namespace.ts';
import type { Process } from './process.ts';

const programs = join(import.meta.dirname, 'programs');

/** How a small TypeScript program of ours is started. */
export function program(name: string, ...args: readonly string[]): string[] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', join(programs, name), ...args];
}

/** Serves the files of `folder` over HTTP. */
export async function serveFiles(
  namespace: Namespace,
  folder: string,
  ports: readonly number[] = [80],
): Promise<Process> {
  const server = namespace.start(program('web-server.ts', folder, ...ports.map(String)));
  await server.hasPrinted(/listening/);
  return server;
}

/** Echoes datagrams at ports and port ranges such as `9000` and `10000-10049`. */
export async function serveEcho(namespace: Namespace, ports: readonly string[]): Promise<Process> {
  const server = namespace.start(program('udp-echo.ts', ...ports));
  await server.hasPrinted(/listening/);
  return server;
}

/** An iperf3 server that serves until it is stopped. */
export async function serveIperf(namespace: Namespace, port: number): Promise<Process> {
  const server = namespace.start(['iperf3', '-s', '-p', String(port), '--forceflush']);
  await eventually('iperf3 listens', async () => {
    const sockets = await namespace.must(['ss', '-Htln', `sport = :${port}`]);
    return sockets.trim() !== '' || undefined;
  });
  return server;
}
