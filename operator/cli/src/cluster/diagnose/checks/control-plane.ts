import { duration } from '../../../output/quantity.ts';
import { isReady, trouble } from '../../pod.ts';
import { skewOf } from '../../versions.ts';
import { type Check, type Finding, failed, ok, orOk, unknown, warning } from '../finding.ts';

const installDefinitions = 'helm upgrade with crds.install=true, or install the chart quiver-crds';
const upgradeDefinitions = 'helm upgrade to the version of this program, or use the program of the installed version';

export const definitions: Check = {
  name: 'definitions',
  about: 'The four definitions of the API are in the cluster, in the revision that this program knows.',
  run({ definitions: states }) {
    if (states === undefined) return [unknown('they may not be read', 'allow "get" on customresourcedefinitions')];
    const findings = states.flatMap(({ name, isThere, difference }): readonly Finding[] => {
      if (!isThere) return [failed(`${name} is missing`, installDefinitions)];
      if (difference === '') return [];
      return [failed(`${name} is of another revision: ${difference} differs`, upgradeDefinitions)];
    });
    return orOk(findings, `${states.length} definitions, all of this revision`);
  },
};

export const operator: Check = {
  name: 'operator',
  about: 'Every replica of the operator is ready.',
  run({ overview: { installation } }) {
    const { operators, namespace } = installation;
    if (operators.length === 0)
      return [failed('there is no pod of the operator', `kubectl -n ${namespace} describe deployment quiver-operator`)];
    const logs = (pod: string) => `kubectl -n ${namespace} logs ${pod}`;
    const findings = operators
      .filter((pod) => !isReady(pod))
      .map((pod) => failed(trouble(pod) ?? `pod ${pod.name} is not ready`, logs(pod.name)));
    return orOk(findings, `${operators.length} of ${operators.length} pods ready`);
  },
};

export const leader: Check = {
  name: 'leader',
  about: 'One replica leads and has shown itself lately.',
  run({ overview: { leadership, installation } }) {
    const way = `kubectl -n ${installation.namespace} logs -l app.kubernetes.io/component=operator`;
    if (leadership === undefined) return [failed('there is no lease: no operator has started yet', way)];
    const { holder, isFresh, ageMs, epoch } = leadership;
    if (isFresh) return [ok(`${holder} leads in epoch ${epoch || 'unknown'}`)];
    if (holder === '') return [failed('nobody leads', way)];
    return [failed(`${holder} led and was seen ${duration(ageMs)} ago; nodes go on with what they have`, way)];
  },
};

export const agents: Check = {
  name: 'agents',
  about: 'The agent of every node answers and is ready.',
  run({ overview: { nodes, installation } }) {
    const way = (pod: string) => `kubectl -n ${installation.namespace} logs ${pod} --all-containers`;
    const findings = nodes.flatMap((row): readonly Finding[] => {
      const { node, pod } = row.agent;
      if ('error' in row) return [failed(`${node}: ${row.error}`, way(pod.name))];
      return row.value.ready ? [] : [failed(`${node} is not ready`, way(pod.name))];
    });
    if (nodes.length === 0)
      return [failed('there is no agent', `kubectl -n ${installation.namespace} describe daemonset quiver-agent`)];
    return orOk(findings, `${nodes.length} of ${nodes.length} ready`);
  },
};

export const coverage: Check = {
  name: 'coverage',
  about: 'Every node has an agent; pods elsewhere have no tenant and reach no service.',
  run({ nodes, overview: { installation } }) {
    if (nodes === undefined) return [unknown('nodes may not be listed', 'allow "list" on nodes')];
    const covered = new Set(installation.agents.map(({ node }) => node));
    const bare = nodes.filter(({ name }) => !covered.has(name));
    const way = 'let nodeSelector and tolerations of the agent admit it, or keep clients away from it';
    const findings = bare.map(({ name }) => warning(`${name} has no agent`, way));
    return orOk(findings, `${nodes.length} nodes, an agent on each`);
  },
};

export const connection: Check = {
  name: 'connection',
  about: 'Every agent is connected to the operator that leads.',
  isAboutNodes: true,
  run({ statuses, overview: { leadership } }) {
    const findings = statuses.flatMap(({ node, value: { operatorLink, config } }): readonly Finding[] => {
      if (operatorLink?.connected !== true)
        return [
          failed(
            `${node} does not reach the operator: ${operatorLink?.reason ?? 'no reason is known'}`,
            'let nodes reach ports 9443 and 9444 of the pods of the operator',
          ),
        ];
      if (leadership?.isFresh !== true || leadership.epoch === '' || String(config?.epoch) === leadership.epoch)
        return [];
      return [
        warning(
          `${node} has the configuration of epoch ${config?.epoch}, the leader's is ${leadership.epoch}`,
          'wait a moment; then look at the logs of both',
        ),
      ];
    });
    return orOk(findings, `${statuses.length} agents connected`);
  },
};

export const configuration: Check = {
  name: 'configuration',
  about: 'Every agent has a configuration in force, and it is the newest.',
  isAboutNodes: true,
  run({ statuses }) {
    const findings = statuses.flatMap(({ node, value: { config } }): readonly Finding[] => {
      if (config === undefined || config.version === 0n)
        return [failed(`${node} has none`, 'see the checks "operator" and "connection"')];
      if (config.rejectedVersion !== 0n) {
        const why = config.rejected.map(({ field, message }) => `${field}: ${message}`).join('; ');
        return [
          failed(`${node} refused version ${config.rejectedVersion}: ${why}`, 'correct the object that is named'),
        ];
      }
      if (!config.stale) return [];
      return [
        failed(`${node} goes on with its last one for ${duration(config.staleMs)}`, 'see the check "connection"'),
      ];
    });
    return orOk(findings, `current on ${statuses.length} nodes`);
  },
};

export const versions: Check = {
  name: 'versions',
  about: 'Program, operator and agents are of versions that work together.',
  run({ overview: { versions: seen } }) {
    const findings = skewOf(seen).map((sentence) =>
      warning(sentence, 'helm upgrade, or install the plugin of that version'),
    );
    const text = [
      `program ${seen.client}`,
      `operator ${seen.operators.join(', ')}`,
      `agents ${seen.agents.join(', ')}`,
    ];
    return orOk(findings, text.join('; '));
  },
};

export const objects: Check = {
  name: 'objects',
  about: 'Every Tenant, Service, ServiceRoute and Peer is ready.',
  run({ overview: { objects: all } }) {
    const findings = all
      .filter(({ ready }) => ready !== 'True')
      .map(({ object, ready, reason, message }) => {
        const found = `${object}: ${reason}${message === '' ? '' : `: ${message}`}`;
        const way = `look up ${reason} in operator/docs/troubleshooting.md`;
        return ready === 'False' ? failed(found, way) : warning(found, way);
      });
    return orOk(findings, `${all.length} ready`);
  },
};
