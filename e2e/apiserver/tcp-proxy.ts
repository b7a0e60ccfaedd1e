import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Carries connections to a server of this machine, until a test hurts them. */
export class TcpProxy {
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isSilent = false;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#carry(client));
  }

  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get open(): number {
    return this.#sockets.size / 2;
  }

  /** Ends every connection with a reset. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Connections that are there, and new ones until `wake`, stay open and carry nothing any more, for ever. */
  silence(): void {
    this.#isSilent = true;
    for (const socket of this.#sockets) hush(socket);
  }

  wake(): void {
    this.#isSilent = false;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #carry(client: Socket): void {
    if (this.#isSilent) return this.#hold(hush(client));
    const server = connect(this.#target, '127.0.0.1');
    client.pipe(server);
    server.pipe(client);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#hold(one);
      one.on('close', () => other.destroy());
    }
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

function hush(socket: Socket): Socket {
  socket.unpipe();
  return socket.pause();
}
