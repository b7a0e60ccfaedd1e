import type { Namespace } from './namespace.ts';
import type { CapturedPacket } from './packet.ts';
import { readPcap } from './pcap.ts';
import type { Process } from './process.ts';

/** A running capture of all packets that pass a device. */
export class Capture {
  readonly path: string;
  readonly #process: Process;

  private constructor(path: string, process: Process) {
    this.path = path;
    this.#process = process;
  }

  /** Resolves once packets are seen. `filter` is a pcap filter. */
  static async start(namespace: Namespace, device: string, path: string, filter = ''): Promise<Capture> {
    const command = ['tcpdump', '-i', device, '-w', path, '-s', '0', '-B', '65536', '-U', '-Z', 'root', '-n'];
    const process = namespace.start([...command, '--immediate-mode', ...(filter === '' ? [] : [filter])]);
    await process.hasPrinted(/listening on/);
    return new Capture(path, process);
  }

  /** Ends it and reads what it saw. */
  async stop(): Promise<CapturedPacket[]> {
    await this.#process.stop('SIGINT');
    return readPcap(this.path);
  }
}
