export { Agent, type AgentDeps, type AgentSettings, type HttpSettings } from './agent.ts';
export { type Clock, systemClock, type Timer } from './clock.ts';
export type { NodeIdentity } from './config/last-good.ts';
export type { OperatorAddress, TlsFiles } from './config-stream/channel.ts';
export type { CaptureOrder, EngineHandle } from './engine/engine-handle.ts';
export { type EngineOptions, startEngine } from './engine/start-engine.ts';
export { AgentError, type AgentErrorCode, agentErrorCodes } from './errors.ts';
export { networkProbe, type Probe } from './health/probe.ts';
export { jsonLogger, type Logger, type LogLevel, silentLogger } from './logger.ts';
