import type { OperatorView } from '@quiver/dataplane-api';
import type { Clock } from './clock.ts';
import type { CniSettings } from './cni/cni-service.ts';
import type { NodeIdentity } from './config/last-good.ts';
import type { OperatorAddress } from './config-stream/channel.ts';
import type { EngineHandle } from './engine/engine-handle.ts';
import type { Probe } from './health/probe.ts';
import type { EnrolmentSettings } from './identity/enrolment.ts';
import type { Logger } from './logger.ts';

export interface AgentSettings extends NodeIdentity {
  readonly operator: OperatorAddress;
  /** Where the certificate for the operator comes from; unset: it is given, or none is needed. */
  readonly enrolment?: EnrolmentSettings | undefined;
  /** How container runtimes are served; unset: not at all. */
  readonly cni?: CniSettings | undefined;
  /** Folder of the last good configuration. */
  readonly stateDir: string;
  /** Path of the socket for the command line. */
  readonly socket: string;
  /** Where metrics and health are served; nowhere when undefined. */
  readonly http?: HttpSettings | undefined;
  readonly version: string;
  /** Leave the device and its rules behind when stopping, for the next start. */
  readonly keepDevice: boolean;
  /** Go on trying, not ready, when the machine refuses the very first configuration. */
  readonly isPatient?: boolean | undefined;
}

export interface HttpSettings {
  readonly host: string;
  readonly port: number;
  /** False: when the address is taken, the agent goes on without. */
  readonly isRequired: boolean;
}

export interface AgentDeps {
  readonly engine: EngineHandle;
  readonly clock: Clock;
  /** Numbers from 0 up to, and without, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly probe: Probe;
  /** What the operator tells, where it runs in the same process. */
  readonly operatorView?: (() => OperatorView | undefined) | undefined;
}
