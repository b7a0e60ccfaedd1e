import { isIP } from 'node:net';
import { usageFailure } from '../failure.ts';
import type { Pod } from './pod.ts';
import { readiness, type Service } from './quiver-objects.ts';

export type Protocol = 'tcp' | 'udp' | 'icmp';

/** An object by the name that people write. */
export interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** What is dialled, as the command line says it. */
export interface Dialled {
  readonly service: Named;
  readonly port: number | undefined;
}

/** A decision before the packet reaches the engine. */
export interface Step {
  readonly step: string;
  readonly passed: boolean;
  readonly detail: string;
}

/** A step, and what it found when it passed. */
export type Found<T> = { readonly step: Step; readonly value?: T };

/** Reads `NAMESPACE/POD`. */
export function parsePod(text: string): Named {
  const [, namespace, name] = /^(?:pods?\/)?([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined)
    throw usageFailure(`--from ${text}: write NAMESPACE/POD, such as prod/web-0; an address needs --socket on a node`);
  return { namespace, name };
}

/** Reads `SERVICE`, `NAMESPACE/SERVICE`, `SERVICE.NAMESPACE` and longer DNS names, each with or without `:PORT`. */
export function parseService(text: string, ownNamespace: string): Dialled {
  const [, name = '', portText] = /^(.*?)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = portText === undefined ? undefined : Number(portText);
  const [, space, slashed] = /^([a-z0-9-]+)\/([a-z0-9-]+)$/.exec(name) ?? [];
  const [, dotted, domain] = /^([a-z0-9-]+)(?:\.([a-z0-9-]+)(?:\.svc(?:\.[a-z0-9.-]+)?)?)?$/.exec(name) ?? [];
  const service = slashed ?? dotted;
  if (service === undefined || isIP(name) !== 0 || (port !== undefined && (port === 0 || port > 65_535)))
    throw usageFailure(`--to ${text}: write [NAMESPACE/]SERVICE[:PORT], such as prod/db:5432`);
  return { service: { namespace: space ?? domain ?? ownNamespace, name: service }, port };
}

/** The pod as a client: where it runs and which addresses it has. */
export function podStep({ namespace, name }: Named, pod: Pod | undefined): Found<Pod> {
  const refused = (detail: string) => ({ step: { step: 'pod', passed: false, detail } });
  const title = `pod ${namespace}/${name}`;
  if (pod === undefined) return refused(`there is no ${title}`);
  if (pod.node === '') return refused(`${title} is not scheduled yet: kubectl describe pod says why`);
  if (pod.phase === 'Succeeded' || pod.phase === 'Failed') return refused(`${title} has ended (${pod.phase})`);
  if (pod.addresses.length === 0) return refused(`${title} has no address yet${because(pod.waiting)}`);
  const host = pod.isHostNetwork ? ", the node's own: every process of the node has the same tenant" : '';
  const detail = `${title} runs on ${pod.node} as ${pod.addresses.join(' and ')}${host}`;
  return { step: { step: 'pod', passed: true, detail }, value: pod };
}

/** The service's address of a family that the pod has. */
export function serviceStep(named: Named, service: Service | undefined, pod: Pod): Found<string> {
  const refused = (detail: string) => ({ step: { step: 'address', passed: false, detail } });
  const title = `${named.namespace}/${named.name}`;
  if (service === undefined)
    return refused(
      `${title} is no Quiver Service here (kubectl get qsvc -A shows all); is it made at the other cluster only?`,
    );
  const { status, reason, message } = readiness(service);
  const addresses = addressesOf(service);
  if (addresses.length === 0)
    return refused(`${title} has no address: Ready is ${status}, ${reason}${because(message)}`);
  const families = new Set(pod.addresses.map(isIP));
  const address = addresses.find((one) => families.has(isIP(one)));
  if (address === undefined)
    return refused(`${title} has ${addresses.join(', ')}, but the pod has no address of that family`);
  const ready = status === 'True' ? 'ready' : `not ready: ${reason}${because(message)}`;
  return { step: { step: 'address', passed: true, detail: `${title} has ${address} and is ${ready}` }, value: address };
}

/** The port that is meant, or the only one there is. */
export function portStep(
  service: Service,
  port: number | undefined,
  protocol: Protocol | undefined,
): Found<{ readonly port: number; readonly protocol: Protocol }> {
  const ports = service.spec.ports ?? [];
  const offered = ports.map(({ protocol: name, port: first = 0, endPort = first }) =>
    [name, first === 0 ? '' : `/${first}`, endPort === first ? '' : `-${endPort}`].join(''),
  );
  const all = offered.join(', ') || 'every port';
  const step = (passed: boolean, detail: string): Step => ({ step: 'port', passed, detail });
  if (port === undefined) {
    const chosen = onlyPort(ports, protocol);
    if (chosen === undefined) return { step: step(false, `say which port, --to SERVICE:PORT; it offers ${all}`) };
    return { step: step(true, `${nameOf(chosen)}, the only one`), value: chosen };
  }
  const meant = protocol ?? protocolOf(ports, port);
  return {
    step: step(true, `${nameOf({ protocol: meant, port })}; the service offers ${all}`),
    value: { protocol: meant, port },
  };
}

function onlyPort(ports: NonNullable<Service['spec']['ports']>, wanted: Protocol | undefined) {
  const fitting = ports.filter(({ protocol }) => wanted === undefined || protocol.toLowerCase() === wanted);
  const [first, second] = fitting;
  if (wanted === 'icmp' || (second === undefined && first?.protocol === 'ICMP'))
    return { port: 0, protocol: 'icmp' } as const;
  if (first?.port === undefined || second !== undefined || (first.endPort ?? first.port) !== first.port)
    return undefined;
  return { port: first.port, protocol: first.protocol === 'UDP' ? 'udp' : 'tcp' } as const;
}

function protocolOf(ports: NonNullable<Service['spec']['ports']>, wanted: number): Protocol {
  const holds = (name: string) =>
    ports.some(({ protocol, port = 0, endPort = port }) => protocol === name && port <= wanted && wanted <= endPort);
  return !holds('TCP') && holds('UDP') ? 'udp' : 'tcp';
}

function nameOf({ protocol, port }: { readonly protocol: Protocol; readonly port: number }): string {
  return protocol === 'icmp' ? 'ICMP' : `${protocol.toUpperCase()}/${port}`;
}

function addressesOf({ status }: Service): readonly string[] {
  const all = status?.addresses ?? (status?.address === undefined ? [] : [status.address]);
  return all.map((address) => address.replace(/\/\d+$/, ''));
}

function because(reason: string): string {
  return reason === '' ? '' : `: ${reason}`;
}
