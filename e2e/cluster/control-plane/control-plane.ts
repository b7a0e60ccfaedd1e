import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../harness/eventually.ts';
import { type NodePlan, shared } from '../network/plan.ts';
import type { Machine } from '../node/machine.ts';
import { Service } from '../node/service.ts';
import { apiServerCommand, auditFiles, auditPolicy, etcdCommand } from './api-server.ts';
import { corefile } from './dns.ts';

const PORT = 6443;
const etcdUrls = { client: 'http://127.0.0.1:2379', peer: 'http://127.0.0.1:2380' };

/** Where the API server of a cluster is found by its nodes. */
export function apiServerUrl(controlPlane: NodePlan): string {
  return `https://${controlPlane.internal.v4}:${PORT}`;
}

/** The programs that make a cluster of machines; all on its first node. */
export class ControlPlane {
  readonly etcd: Service;
  readonly apiServer: Service;
  readonly controllerManager: Service;
  readonly scheduler: Service;
  readonly dns: Service;
  readonly #machine: Machine;
  readonly #pki: string;

  constructor(machine: Machine, plan: NodePlan, pki: string) {
    this.#machine = machine;
    this.#pki = pki;
    const folder = machine.folder;
    const serviceCidrs = Object.values(shared.serviceCidrs);
    const config = (user: string): string => `--kubeconfig=${join(pki, `${user}.kubeconfig`)}`;
    this.etcd = new Service(machine, 'etcd', etcdCommand({ data: join(folder, 'etcd'), ...etcdUrls }));
    const place = { pki, folder, etcd: etcdUrls, port: PORT, advertiseAddress: plan.internal.v4, serviceCidrs };
    this.apiServer = new Service(machine, 'kube-apiserver', apiServerCommand(place));
    this.controllerManager = new Service(machine, 'kube-controller-manager', [
      'kube-controller-manager',
      config('controller-manager'),
      ...controllerManagerFlags(pki),
    ]);
    this.scheduler = new Service(machine, 'kube-scheduler', [
      'kube-scheduler',
      config('scheduler'),
      '--leader-elect=false',
    ]);
    this.dns = new Service(machine, 'coredns', ['coredns', '-conf', join(folder, 'Corefile')]);
  }

  /** The API server's log of writes, one JSON object a line. */
  get auditLog(): string {
    return join(this.#machine.folder, auditFiles.log);
  }

  /** Starts everything; resolves when the API server answers. */
  async start(): Promise<void> {
    const { folder } = this.#machine;
    await mkdir(join(folder, 'etcd'), { recursive: true, mode: 0o700 });
    await writeFile(join(folder, auditFiles.policy), auditPolicy);
    await writeFile(join(folder, 'Corefile'), corefile(join(this.#pki, 'dns.kubeconfig')));
    await this.etcd.start();
    await this.apiServer.start();
    await this.apiServerReady();
    for (const service of [this.controllerManager, this.scheduler, this.dns]) await service.start();
  }

  /** Resolves when the API server serves. */
  async apiServerReady(within = 60_000): Promise<void> {
    const url = `https://127.0.0.1:${PORT}/readyz`;
    const ready = async (): Promise<true | undefined> => {
      const { stdout } = await this.#machine.run(['curl', '-sk', '--max-time', '2', url]);
      return stdout === 'ok' ? true : undefined;
    };
    await eventually(`the API server is ready; see ${this.apiServer.log}`, ready, { within, every: 100 });
  }
}

function controllerManagerFlags(pki: string): string[] {
  return [
    `--service-account-private-key-file=${join(pki, 'tokens.key')}`,
    `--root-ca-file=${join(pki, 'ca.crt')}`,
    `--cluster-signing-cert-file=${join(pki, 'ca.crt')}`,
    `--cluster-signing-key-file=${join(pki, 'ca.key')}`,
    '--use-service-account-credentials',
    '--allocate-node-cidrs',
    `--cluster-cidr=${Object.values(shared.podCidrs).join(',')}`,
    `--service-cluster-ip-range=${Object.values(shared.serviceCidrs).join(',')}`,
    '--node-cidr-mask-size-ipv6=64',
    '--leader-elect=false',
    '--node-monitor-grace-period=20s',
  ];
}
