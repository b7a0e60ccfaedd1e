// Two real Kubernetes clusters: `npm run e2e` runs the scenarios on them, its sub-commands bring them up for other uses.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { ApiServerAlone } from '../cluster/api-server-alone.ts';
import { ensureBinaries } from '../cluster/binaries/build.ts';
import { Lab } from '../cluster/lab.ts';
import type { PrimaryCni } from '../cluster/network/plan.ts';
import { clusterCache, installEverywhere, say } from './e2e-lab.ts';
import { loadImages, runScenarios } from './e2e-run.ts';

const USAGE = `npm run e2e -- [FILTER] [--keep]          all scenarios, or those whose title or file matches, on clusters of this run
npm run e2e -- up [--cni bridge|none]     clusters alpha and beta, two nodes each
npm run e2e -- install                    builds the images, loads them into the nodes and installs the chart
npm run e2e -- down                       takes them away
npm run e2e -- kubectl alpha ARGUMENTS    kubectl against a cluster; helm the same way
npm run e2e -- node alpha2 COMMAND        a command inside a node
npm run e2e -- vm COMMAND                 a command inside the machine without Kubernetes
npm run e2e -- wan COMMAND                a command inside the network between the clusters
npm run e2e -- apiserver                  etcd and an API server alone, until it is interrupted
--lab NAME                                another lab beside the usual one
`;

/** Options of our own come before the command; what follows it belongs to the command. */
interface Request {
  readonly lab: string;
  readonly cni: PrimaryCni;
  readonly isKept: boolean;
  readonly words: readonly string[];
}

function usage(problem: string): never {
  process.stderr.write(`e2e: ${problem}\n\n${USAGE}`);
  process.exit(2);
}

function requestOf(args: readonly string[]): Request {
  const foreign = args.findIndex((word) => ['kubectl', 'helm', 'helm3', 'node', 'vm', 'wan'].includes(word));
  const own = foreign === -1 ? args : args.slice(0, foreign);
  const { values, positionals } = parseArgs({
    args: [...own],
    allowPositionals: true,
    options: {
      lab: { type: 'string', default: '' },
      cni: { type: 'string', default: 'bridge' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const { lab, cni, keep } = values;
  if (!/^[a-z0-9]{0,4}$/.test(lab)) usage(`--lab ${lab}: use at most four small letters and digits`);
  if (cni !== 'bridge' && cni !== 'none') usage(`--cni ${cni}: write bridge or none`);
  return { lab, cni, isKept: keep, words: [...positionals, ...args.slice(own.length)] };
}

function openLab({ lab }: Request): Promise<Lab> {
  return Lab.open({ cache: clusterCache, name: lab, say });
}

/** Runs a program on our own terminal; its exit code. */
function pass(command: readonly string[]): Promise<number> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: 'inherit' });
  return new Promise((resolve) => {
    child.on('error', (error) => {
      say(error.message);
      resolve(127);
    });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

async function up(request: Request): Promise<number> {
  const lab = await openLab(request);
  await lab.up(request.cni);
  const nodes = lab.clusters.flatMap(({ nodes: all }) => all.map(({ machine }) => machine.namespace));
  say(`up: ${nodes.join(', ')}; try "npm run e2e -- kubectl alpha get nodes -o wide", end with "npm run e2e -- down"`);
  return 0;
}

async function down(request: Request): Promise<number> {
  await (await openLab(request)).down();
  return 0;
}

async function installAll(request: Request): Promise<number> {
  const lab = await openLab(request);
  if (!lab.isUp) await lab.up(request.cni);
  await installEverywhere(lab, await loadImages(lab));
  return 0;
}

async function scenarios(request: Request): Promise<number> {
  const lab = await openLab(request);
  return runScenarios({ lab, labName: request.lab, filter: request.words.join(' '), isKept: request.isKept });
}

async function kubernetes(request: Request): Promise<number> {
  const [tool = '', name, ...args] = request.words;
  if (name === undefined) usage(`say in which cluster: ${tool} alpha …`);
  const lab = await openLab(request);
  const cluster = lab.cluster(name);
  const programs: Readonly<Record<string, string>> = {
    kubectl: lab.tools.kubectl,
    helm: lab.tools.helm4,
    helm3: lab.tools.helm3,
  };
  return pass(cluster.asUser([programs[tool] ?? tool, ...args]));
}

async function inNode(request: Request): Promise<number> {
  const [, name = '', ...command] = request.words;
  const lab = await openLab(request);
  const node = lab.clusters.flatMap(({ nodes }) => nodes).find((one) => one.name === name);
  if (node === undefined || command.length === 0) usage('say in which node and what: node alpha1 ip route');
  return pass(node.machine.within(command));
}

async function inNamespace(request: Request): Promise<number> {
  const [place, ...command] = request.words;
  if (command.length === 0) usage(`say what: ${place} ip route`);
  const lab = await openLab(request);
  return pass(place === 'vm' ? lab.vm.within(command) : lab.wan.within(command));
}

async function apiServer(): Promise<number> {
  const server = await ApiServerAlone.start(await ensureBinaries(clusterCache, say));
  process.stdout.write(`export KUBECONFIG=${server.kubeconfig}\n`);
  say(`an API server is at ${server.url}; interrupt to end it`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
  await server.close();
  return 0;
}

const commands: Readonly<Record<string, (request: Request) => Promise<number>>> = {
  up,
  down,
  install: installAll,
  kubectl: kubernetes,
  helm: kubernetes,
  helm3: kubernetes,
  node: inNode,
  vm: inNamespace,
  wan: inNamespace,
  apiserver: apiServer,
};

if (process.getuid?.() !== 0) usage('namespaces and containers can only be made by root: run this with sudo');
const request = requestOf(process.argv.slice(2));
const command = commands[request.words[0] ?? ''];
try {
  process.exitCode = await (command ?? scenarios)(request);
} catch (caught) {
  say(caught instanceof Error ? caught.message : String(caught));
  process.exitCode = 1;
}
