import { versions } from '../versions.ts';

/** One program of a Go module. */
export interface Program {
  readonly name: string;
  /** Import path of its main package. */
  readonly path: string;
  readonly ldflags?: string;
}

/** A Go module of which programs are built. */
export interface Recipe {
  readonly name: string;
  readonly module: string;
  /** With the `v`. */
  readonly version: string;
  readonly programs: readonly Program[];
  /** Its staging modules are named v0.0.0 and have to be replaced by the published ones of this version. */
  readonly staging?: string;
  /** Folder, beside the others, in which the programs go. */
  readonly folder: 'bin' | 'cni';
}

const kubernetes = 'k8s.io/kubernetes';
const containerd = 'github.com/containerd/containerd/v2';
const etcd = 'go.etcd.io/etcd/server/v3';
const coredns = 'github.com/coredns/coredns';
const plugins = 'github.com/containernetworking/plugins';
const cni = 'github.com/containernetworking/cni';

function kubernetesProgram(name: string): Program {
  const version = 'k8s.io/component-base/version';
  const [major, minor] = versions.kubernetes.split('.');
  const facts = { gitVersion: `v${versions.kubernetes}`, gitMajor: major, gitMinor: minor };
  const told = Object.entries(facts).map(([key, value]) => `-X ${version}.${key}=${value}`);
  return { name, path: `${kubernetes}/cmd/${name}`, ldflags: told.join(' ') };
}

/** All programs of a cluster, in the order in which they are built: the largest first. */
export const recipes: readonly Recipe[] = [
  {
    name: 'kubernetes',
    module: kubernetes,
    version: `v${versions.kubernetes}`,
    staging: `v0.${versions.kubernetes.slice(2)}`,
    folder: 'bin',
    programs: ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'].map(
      kubernetesProgram,
    ),
  },
  {
    name: 'containerd',
    module: containerd,
    version: `v${versions.containerd}`,
    folder: 'bin',
    programs: ['containerd', 'containerd-shim-runc-v2', 'ctr'].map((name) => ({
      name,
      path: `${containerd}/cmd/${name}`,
    })),
  },
  {
    name: 'coredns',
    module: coredns,
    version: `v${versions.coredns}`,
    folder: 'bin',
    programs: [{ name: 'coredns', path: coredns }],
  },
  {
    name: 'etcd',
    module: etcd,
    version: `v${versions.etcd}`,
    folder: 'bin',
    programs: [{ name: 'etcd', path: etcd }],
  },
  {
    name: 'cnitool',
    module: cni,
    version: `v${versions.cnitool}`,
    folder: 'bin',
    programs: [{ name: 'cnitool', path: `${cni}/cnitool` }],
  },
  {
    name: 'cni-plugins',
    module: plugins,
    version: `v${versions.cniPlugins}`,
    folder: 'cni',
    programs: ['ipam/host-local', 'main/bridge', 'main/ptp', 'main/loopback', 'meta/portmap'].map((name) => ({
      name: name.slice(name.indexOf('/') + 1),
      path: `${plugins}/plugins/${name}`,
    })),
  },
];
