import assert from 'node:assert/strict';
import { join } from 'node:path';
import { parseProgram } from '../../operator/src/cluster/program.ts';
import { ROOT, run } from '../setup/stage.ts';
import { type Manifest, MINIMUM, pick, render } from './render.ts';
import { type Container, containersOf, podOf } from './workloads.ts';

const MODES = ['Chained', 'Primary', 'Off'];
const WORKLOADS = [
  ['DaemonSet', 'quiver-agent'],
  ['Deployment', 'quiver-operator'],
  ['Job', 'quiver-retire'],
] as const;
/** What kubelet puts in the place of variables. */
const POD = { POD_NAMESPACE: 'quiver-system', POD_NAME: 'pod', POD_UID: 'uid', POD_IPS: '10.0.0.1,fd00::1' };

function manifestsOf(mode: string): Promise<Manifest[]> {
  return render({ values: { ...MINIMUM, cni: { mode } } });
}

function argumentsOf({ command = [], args = [] }: Container, program: string): string[] {
  assert.deepEqual(command, ['node', program]);
  return args.map((word) => word.replaceAll(/\$\((\w+)\)/g, (_, name: keyof typeof POD) => POD[name] ?? ''));
}

describe('the commands in the chart', () => {
  it('have only flags that the agent and its plugin know', async () => {
    const help = new Map<string, string>();
    for (const mode of MODES) {
      for (const container of containersOf(podOf(await manifestsOf(mode), 'DaemonSet', 'quiver-agent'))) {
        const words = argumentsOf(container, '/app/quiver.mjs');
        const key = words.filter((word) => !word.startsWith('--')).join(' ');
        const text = help.get(key) ?? (await helpOf(key.split(' ')));
        help.set(key, text);
        const flags = words.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0] ?? '');
        assert.deepEqual(
          flags.filter((flag) => !text.includes(`  ${flag} `)),
          [],
          key,
        );
      }
    }
    assert.deepEqual([...help.keys()].toSorted(), ['agent', 'cni install']);
  });

  it('are understood by the operator, down to the name of each object', async () => {
    const manifests = await render({ release: 'net', values: { ...MINIMUM, nodeTaint: true } });
    const pod = podOf(manifests, 'Deployment', 'net-quiver-operator');
    const [container] = pod.containers;
    assert.ok(container !== undefined);
    const program = parseProgram(argumentsOf(container, '/app/operator.mjs'), { LOG_LEVEL: 'info' }, '0.1.0');
    assert.deepEqual(program, {
      kind: 'Run',
      settings: {
        routerConfig: '/etc/quiver/router/router.yaml',
        secrets: '/etc/quiver/fabric-secret',
        namespace: 'quiver-system',
        podName: 'pod',
        podUid: 'uid',
        podIps: ['10.0.0.1', 'fd00::1'],
        name: 'net-quiver-operator',
        authority: 'net-quiver-authority',
        configListen: ':9443',
        enrolListen: ':9444',
        metricsListen: ':8080',
        healthListen: ':8081',
        agentServiceAccount: 'net-quiver-agent',
        removesTaint: true,
        kubeconfig: '',
        logLevel: 'info',
      },
    });
    for (const kind of ['Secret', 'ConfigMap']) pick(manifests, kind, 'net-quiver-authority');
  });

  it('are understood on uninstall', async () => {
    const pod = podOf(await render(), 'Job', 'quiver-retire');
    const [container] = pod.containers;
    assert.ok(container !== undefined);
    const program = parseProgram(argumentsOf(container, '/app/operator.mjs'), { LOG_LEVEL: 'debug' }, '0.1.0');
    assert.deepEqual(program, {
      kind: 'Retire',
      settings: {
        namespace: 'quiver-system',
        name: 'quiver-operator',
        timeoutMilliseconds: 60_000,
        kubeconfig: '',
        logLevel: 'debug',
      },
    });
  });

  it('use only variables that the pod has', async () => {
    for (const mode of MODES) {
      const manifests = await manifestsOf(mode);
      const services = manifests.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
      const links = services.map((service) => `${service.toUpperCase().replaceAll('-', '_')}_SERVICE_HOST`);
      for (const [kind, name] of WORKLOADS) {
        const pod = podOf(manifests, kind, name);
        for (const { args = [], env = [] } of containersOf(pod)) {
          const given = new Set([...env.map((variable) => variable.name), ...(pod.enableServiceLinks ? links : [])]);
          const used = args.flatMap((word) =>
            [...word.matchAll(/\$\(([^)]*)\)/g)].map(([, variable = '']) => variable),
          );
          assert.deepEqual(
            used.filter((variable) => !given.has(variable)),
            [],
            `${name} in mode ${mode}`,
          );
        }
      }
    }
  });

  it('reach the operator at the ports of its Service, and trust it by its name', async () => {
    const manifests = await render({ namespace: 'elsewhere', release: 'net' });
    const { ports } = pick(manifests, 'Service', 'net-quiver-operator')['spec'] as { ports: { port: number }[] };
    const agent = containersOf(podOf(manifests, 'DaemonSet', 'net-quiver-agent')).find(({ name }) => name === 'agent');
    const address = 'net-quiver-operator.elsewhere.svc';
    for (const [flag, index] of [
      ['--operator', 0],
      ['--enrol', 1],
    ] as const) {
      assert.ok(agent?.args?.includes(`${flag}=${address}:${ports[index]?.port}`), flag);
    }
    assert.ok(agent?.args?.includes('--tls-server-name=net-quiver-operator'));
  });
});

async function helpOf(words: readonly string[]): Promise<string> {
  const program = join(ROOT, 'operator/cli/src/main.ts');
  const { ok, output } = await run(process.execPath, [program, ...words, '--help']);
  assert.ok(ok, output);
  return output;
}
