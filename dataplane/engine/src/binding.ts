import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The router behind the calls; only the addon can look into it. */
export interface BindingRouter {
  readonly [brand]: never;
}
declare const brand: unique symbol;

export interface BindingRefusal {
  readonly code: string;
  /** Path of the wrong value in the configuration; unset when the configuration is not to blame. */
  readonly field?: string;
  readonly message: string;
}

export interface BindingAnswer {
  /** A protobuf message; unset when the call was refused. */
  readonly bytes?: Buffer;
  readonly refusals: readonly BindingRefusal[];
}

export interface BindingStarted {
  readonly router?: BindingRouter;
  readonly refusals: readonly BindingRefusal[];
}

export interface BindingCaptured {
  readonly packets: number;
  readonly missed: number;
  readonly refusals: readonly BindingRefusal[];
}

export interface BindingStartOptions {
  /** Name of the TUN device; `quiver0`. */
  readonly device?: string;
  /** Part of the names of nftables tables, for several routers in one network namespace; none. */
  readonly instance?: string;
  /** Worker threads; one per processor, at most four. */
  readonly workers?: number;
  /** MTU of the device towards local clients and servers, in bytes; 1500. */
  readonly mtu?: number;
}

export interface BindingCaptureOptions {
  readonly path: string;
  readonly address?: string;
  readonly port?: number;
  readonly maxPackets?: number;
  readonly maxSeconds?: number;
}

/** What `quiver.node` exports. Values cross as protobuf bytes, errors as values; nothing here throws for a reason of its own. */
export interface Binding {
  start(options: BindingStartOptions): Promise<BindingStarted>;
  applyConfig(router: BindingRouter, snapshot: Buffer): Promise<BindingAnswer>;
  drainTelemetry(router: BindingRouter): Promise<BindingAnswer>;
  dump(router: BindingRouter, request: Buffer): Promise<BindingAnswer>;
  explain(router: BindingRouter, request: Buffer): Promise<BindingAnswer>;
  capture(router: BindingRouter, options: BindingCaptureOptions): Promise<BindingCaptured>;
  endCapture(router: BindingRouter): Promise<BindingAnswer>;
  stop(router: BindingRouter, keepDevice: boolean): Promise<BindingAnswer>;
}

/** Where `npm run build -w @quiver/engine` puts the addon. */
export const BINDING_PATH = fileURLToPath(new URL('../quiver.node', import.meta.url));

/** Loads the addon; Node.js loads it once per process. */
export function loadBinding(path = BINDING_PATH): Binding {
  return createRequire(import.meta.url)(path) as Binding;
}
