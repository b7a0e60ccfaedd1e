export { type AgentKey, newAgentKey } from './agent-key.ts';
export { StreamAgent } from './stream-agent.ts';
