import type { EngineHandle, EngineOptions } from '@quiver/agent';
import type { Cluster, ClusterTarget } from './cluster/cluster.ts';

/** Takes text; the last line ends with a line break. */
export interface TextSink {
  write(text: string): void;
}

/** Everything that a command has of the world around it. */
export interface CliContext {
  readonly version: string;
  /** Whether it was called as `kubectl quiver`. */
  readonly isPlugin: boolean;
  readonly stdout: TextSink & { writeBytes(bytes: Uint8Array): Promise<void> };
  readonly stderr: TextSink & NodeJS.WritableStream;
  readonly readStdin: () => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether colours are welcome on stdout. */
  readonly hasColor: boolean;
  /** Where sockets are looked for. */
  readonly runDir: string;
  /** Where agents keep what must outlive them. */
  readonly stateDir: string;
  /** Aborted by SIGINT and SIGTERM; the reason is the signal's name. */
  readonly interrupted: AbortSignal;
  /** Resolves after the time, or at once when interrupted. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Numbers from 0 up to, and without, 1. */
  readonly random: () => number;
  /** Loads the engine and starts it; the other commands work without one. */
  readonly startEngine: (options: EngineOptions) => Promise<EngineHandle>;
  /** Opens a cluster of the user's kubeconfig; the client library is loaded only then. */
  readonly connectCluster: (target: ClusterTarget) => Promise<Cluster>;
}
