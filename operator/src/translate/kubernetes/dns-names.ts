import type { SvrService as Service, ServiceSpecPort as ServicePort } from '../../api/generated/service.gen.ts';
import type { KubernetesObjects } from '../../api/kubernetes-objects.ts';
import { sortedBy } from '../../ir/canonical.ts';
import type { DnsNameIr, DnsPortIr } from '../../ir/fabric-ir.ts';
import { type Family, formatAddress, parsePrefix, widthOf } from '../../ir/prefix.ts';
import { fullName, problemsOf } from '../input.ts';
import type { Outcome, Problem } from '../problem.ts';
import type { UnroutedService } from '../services.ts';

/** Name of the slice that holds the addresses of one family of a Quiver Service. */
export function sliceNameOf(service: string, family: Family): string {
  return `${service}-quiver-ipv${family}`;
}

/** Which services get a name in the cluster's DNS. A core Service that is not ours is never touched. */
export function translateDnsNames(
  accepted: readonly UnroutedService[],
  services: readonly Service[],
  { coreServices, endpointSlices }: Pick<KubernetesObjects, 'coreServices' | 'endpointSlices'>,
): Outcome<readonly DnsNameIr[]> {
  const foreign = namesOf(coreServices);
  const foreignSlices = namesOf(endpointSlices);
  const addresses = new Map(accepted.map((service) => [service.name, service.addresses.flatMap(hostOf)]));
  const problems: Problem[] = [];
  const value = sortedBy(services, fullName).flatMap((service): readonly DnsNameIr[] => {
    const name = fullName(service);
    const own = addresses.get(name);
    if (own === undefined) return [];
    const problem = nameProblem(service, own, foreign) ?? sliceProblem(service, foreignSlices);
    if (problem === undefined) return [{ service: name, addresses: own, ports: portsOf(service.spec.ports ?? []) }];
    problems.push(problem);
    return [];
  });
  return { value, problems };
}

function nameProblem(
  service: Service,
  addresses: readonly string[],
  foreign: ReadonlySet<string>,
): Problem | undefined {
  const problem = problemsOf(service);
  const name = fullName(service);
  if (foreign.has(name)) {
    const message = `core Service ${name} is not ours, so the name leads to it and not here; give one of the two another name`;
    return problem('NameTaken', 'metadata.name', message);
  }
  if (!/^[a-z]/.test(service.metadata.name)) {
    const message = `the name of a core Service begins with a letter, so ${service.metadata.name} is not published; use the address`;
    return problem('NoPublishableAddress', 'metadata.name', message);
  }
  if (addresses.length > 0) return undefined;
  const message = 'a name stands for single addresses, and the service has none; give it a /32 or /128';
  return problem('NoPublishableAddress', 'spec.addresses', message);
}

function sliceProblem(service: Service, foreign: ReadonlySet<string>): Problem | undefined {
  const { name, namespace = 'default' } = service.metadata;
  const taken = ([4, 6] as const)
    .map((family) => `${namespace}/${sliceNameOf(name, family)}`)
    .find((one) => foreign.has(one));
  if (taken === undefined) return undefined;
  const message = `EndpointSlice ${taken} is not ours, so no address can be published; delete it or rename the service`;
  return problemsOf(service)('NameTaken', 'metadata.name', message);
}

function namesOf(
  objects: readonly { readonly namespace: string; readonly name: string; readonly isOwned: boolean }[],
): ReadonlySet<string> {
  return new Set(objects.filter(({ isOwned }) => !isOwned).map(({ namespace, name }) => `${namespace}/${name}`));
}

function hostOf(text: string): readonly string[] {
  const prefix = parsePrefix(text);
  if (prefix === undefined || prefix.length !== widthOf(prefix.family)) return [];
  return [formatAddress({ family: prefix.family, value: prefix.base })];
}

// A core Service has single ports of TCP and UDP only; addresses resolve without any.
function portsOf(ports: readonly ServicePort[]): readonly DnsPortIr[] {
  const single = ports.flatMap(({ protocol, port, endPort = port }): readonly DnsPortIr[] => {
    const isSingle = (protocol === 'TCP' || protocol === 'UDP') && port !== undefined && endPort === port;
    return isSingle ? [{ name: `${protocol.toLowerCase()}-${port}`, protocol, port }] : [];
  });
  const unique = new Map(single.map((port) => [port.name, port]));
  return sortedBy(unique, ([name]) => name).map(([, port]) => port);
}
