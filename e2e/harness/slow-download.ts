import { createHash } from 'node:crypto';
import { eventually, now } from './eventually.ts';
import type { Namespace } from './namespace.ts';
import type { Process } from './process.ts';
import { curl, type DownloadOptions } from './traffic.ts';

/** A download that runs while other things happen; the server's pace makes it last. */
export class SlowDownload {
  readonly #process: Process;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  readonly #arrivals: number[] = [];

  constructor(client: Namespace, url: string, options: DownloadOptions = {}) {
    // Without buffering in curl the arrivals are those of the packets.
    const command = [...curl(url, { within: 90, ...options }), '--no-buffer'];
    this.#process = client.start(command, (bytes) => {
      this.#hash.update(bytes);
      this.#bytes += bytes.length;
      this.#arrivals.push(now());
    });
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when so many bytes have come. */
  async has(bytes: number, within = 20_000): Promise<void> {
    await eventually(
      `${bytes} bytes are downloaded; ${this.#bytes} are`,
      () => {
        if (this.#process.hasEnded) throw new Error(`curl ended: ${this.#process.stderr}`);
        return this.#bytes >= bytes || undefined;
      },
      { within, every: 10 },
    );
  }

  /** Stops the client program without ending it: its window closes. */
  pause(): void {
    this.#process.signal('SIGSTOP');
  }

  resume(): void {
    this.#process.signal('SIGCONT');
  }

  /** The longest time between two arrivals, in milliseconds. */
  get longestGap(): number {
    return this.#arrivals.reduce((gap, at, index) => Math.max(gap, at - (this.#arrivals[index - 1] ?? at)), 0);
  }

  async finished(within = 60_000): Promise<{ readonly code: number | null; readonly sha256: string; stderr: string }> {
    const code = await this.#process.ended(within);
    return { code, sha256: this.#hash.digest('hex'), stderr: this.#process.stderr.trim() };
  }

  async cancel(): Promise<void> {
    await this.#process.stop('SIGKILL');
  }
}
