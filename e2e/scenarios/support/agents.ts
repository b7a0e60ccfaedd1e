import { release } from '../../cluster/install.ts';
import type { Manifest } from './objects.ts';
import type { Site } from './site.ts';

/** The agents of the release. */
export const agents: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'quiver-agent', namespace: release.namespace },
};

/** Its operators. */
export const operators: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'quiver-operator', namespace: release.namespace },
};

/** Name of the agent's pod on a node. */
export async function agentOn(site: Site, node: string): Promise<string> {
  const of = ['-l', 'app.kubernetes.io/component=agent', `--field-selector=spec.nodeName=${node}`];
  const names = await site.kubectl(agents, 'get', 'pods', ...of, '-o', 'jsonpath={.items[*].metadata.name}');
  const [name = ''] = names.split(' ');
  if (name === '') throw new Error(`there is no agent on ${node}`);
  return name;
}

/** What the command line says in a node's agent. */
export async function inAgent(site: Site, node: string, args: readonly string[]): Promise<string> {
  const agent = await agentOn(site, node);
  const command = ['node', '/app/quiver.mjs', ...args, '--socket', '/run/quiver/agent.sock'];
  return site.exec(release.namespace, agent, command);
}
