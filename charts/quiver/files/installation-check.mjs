// What `helm test` runs: is everything that the release installed really at work? Ends with 1 when something is not.
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    api: { type: 'string', default: 'https://kubernetes.default.svc' },
    'token-file': { type: 'string', default: '/var/run/secrets/kubernetes.io/serviceaccount/token' },
    namespace: { type: 'string' },
    operator: { type: 'string' },
    agent: { type: 'string' },
    metrics: { type: 'string' },
    seconds: { type: 'string', default: '60' },
  },
});

const definitions = ['services', 'serviceroutes', 'tenants', 'peers'].map((plural) => `${plural}.quiver.dev`);
const apps = `/apis/apps/v1/namespaces/${options.namespace}`;

/** Each gives what is wrong, or nothing. */
const checks = {
  'definitions are established': async () => {
    const missing = [];
    for (const name of definitions) {
      const { status } = await get(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`);
      const isEstablished = status.conditions?.some((one) => one.type === 'Established' && one.status === 'True');
      if (!isEstablished) missing.push(name);
    }
    return missing.length > 0 && `${missing.join(', ')} not established`;
  },
  'the operator is ready': async () => {
    const { spec, status, metadata } = await get(`${apps}/deployments/${options.operator}`);
    if (status.observedGeneration !== metadata.generation) return 'its Deployment has not been looked at yet';
    const { readyReplicas = 0 } = status;
    return readyReplicas !== spec.replicas && `${readyReplicas} of ${spec.replicas} replicas are ready`;
  },
  'one operator leads': async () => {
    const leaders = sum(await metricsOfOperators(), 'quiver_operator_leader');
    return leaders !== 1 && `${leaders} replicas lead`;
  },
  'agents are ready': async () => {
    const { status } = await get(`${apps}/daemonsets/${options.agent}`);
    const { numberReady: ready, desiredNumberScheduled: wanted } = status;
    if (wanted === 0) return 'no node is selected: look at agent.nodeSelector and agent.affinity';
    return ready !== wanted && `${ready} of ${wanted} agents are ready`;
  },
  'agents are connected to the operator': async () => {
    const { status } = await get(`${apps}/daemonsets/${options.agent}`);
    const connected = sum(await metricsOfOperators(), 'quiver_operator_agents_connected');
    return connected < status.desiredNumberScheduled && `${connected} of ${status.desiredNumberScheduled} are`;
  },
};

async function get(path) {
  const authorization = `Bearer ${(await readFile(options['token-file'], 'utf8')).trim()}`;
  const response = await fetch(`${options.api}${path}`, {
    headers: { authorization },
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
  return response.json();
}

/** Of each replica, since only the leader knows the agents. */
async function metricsOfOperators() {
  const { hostname, port } = new URL(options.metrics);
  const addresses = await lookup(hostname, { all: true });
  return Promise.all(
    addresses.map(async ({ address, family }) => {
      const host = family === 6 ? `[${address}]` : address;
      const response = await fetch(`http://${host}:${port}/metrics`, { signal: AbortSignal.timeout(10_000) });
      return response.text();
    }),
  );
}

function sum(texts, metric) {
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line.split(/[ {]/, 1)[0] === metric);
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
}

async function problemOf(check) {
  try {
    return await check();
  } catch (error) {
    return error.cause === undefined ? error.message : `${error.message}: ${error.cause.message}`;
  }
}

// What has just been installed may need a moment.
let problem;
for (const [name, check] of Object.entries(checks)) {
  for (let left = Number(options.seconds); ; left -= 1) {
    problem = await problemOf(check);
    if (!problem || left <= 0) break;
    await pause(1000);
  }
  process.stdout.write(problem ? `FAILED ${name}: ${problem}\n` : `ok     ${name}\n`);
  if (problem) process.exitCode = 1;
}
