import type { AuthorityStore, StoredAuthority } from '../identity/authority-keeper.ts';
import type { KeyPair } from '../identity/x509.ts';
import type { ApiClient } from '../kubernetes/client/api-client.ts';
import { ApiFailure } from '../kubernetes/client/api-failure.ts';
import { isRecord, type StoredObject } from '../kubernetes/client/kube-object.ts';

const certificateKey = 'tls.crt';
const privateKey = 'tls.key';
const bundleKey = 'ca.crt';

/** Others may write at the same moment. */
const attempts = 3;

/** The authority in a Secret, and what agents trust in a ConfigMap of the same name. The chart makes both, empty. */
export class KubernetesAuthorityStore implements AuthorityStore {
  readonly #client: Pick<ApiClient, 'get' | 'replace'>;
  readonly #place: { readonly namespace: string; readonly name: string };

  constructor(
    client: Pick<ApiClient, 'get' | 'replace'>,
    place: { readonly namespace: string; readonly name: string },
  ) {
    this.#client = client;
    this.#place = place;
  }

  async read(): Promise<StoredAuthority | undefined> {
    const secret = await this.#get('Secret');
    if (secret === undefined) return undefined;
    const data = dataOf(secret);
    const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
    return { certificate: text(certificateKey), key: text(privateKey), version: secret.metadata.resourceVersion };
  }

  async write({ certificate, key }: KeyPair, version: string): Promise<boolean> {
    const secret = await this.#get('Secret');
    if (secret?.metadata.resourceVersion !== version) return false;
    const encoded = (text: string) => Buffer.from(text).toString('base64');
    const data = { ...dataOf(secret), [certificateKey]: encoded(certificate), [privateKey]: encoded(key) };
    return this.#replace({ ...secret, data });
  }

  async publish(bundle: string): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const config = await this.#get('ConfigMap');
      if (config === undefined || dataOf(config)[bundleKey] === bundle) return;
      if (await this.#replace({ ...config, data: { ...dataOf(config), [bundleKey]: bundle } })) return;
    }
  }

  #get(kind: 'Secret' | 'ConfigMap'): Promise<StoredObject | undefined> {
    return this.#client.get({ apiVersion: 'v1', kind, ...this.#place });
  }

  async #replace(object: StoredObject): Promise<boolean> {
    try {
      await this.#client.replace(object);
      return true;
    } catch (caught) {
      if (caught instanceof ApiFailure && caught.isConflict) return false;
      throw caught;
    }
  }
}

function dataOf(object: StoredObject): Readonly<Record<string, string>> {
  const { data } = object;
  return isRecord(data) ? (data as Record<string, string>) : {};
}
