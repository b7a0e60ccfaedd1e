import type { CoreService, EndpointSlice, KubernetesObjects } from '../../api/kubernetes-objects.ts';

/** Core Services and their slices, by name. */
export class CoreServices {
  readonly #services: ReadonlyMap<string, CoreService>;
  readonly #slices: ReadonlyMap<string, readonly EndpointSlice[]>;

  constructor({ coreServices, endpointSlices }: Pick<KubernetesObjects, 'coreServices' | 'endpointSlices'>) {
    this.#services = new Map(coreServices.map((one) => [`${one.namespace}/${one.name}`, one]));
    this.#slices = Map.groupBy(endpointSlices, ({ namespace, service }) => `${namespace}/${service}`);
  }

  /** By `namespace/name`. */
  get(name: string): CoreService | undefined {
    return this.#services.get(name);
  }

  slicesOf(name: string): readonly EndpointSlice[] {
    return this.#slices.get(name) ?? [];
  }
}
