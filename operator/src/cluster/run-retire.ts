import type { Clock } from '../clock.ts';
import { ApiClient } from '../kubernetes/client/api-client.ts';
import { loadKubeConfig } from '../kubernetes/client/kube-config.ts';
import { KubeConfigTransport } from '../kubernetes/client/transport.ts';
import type { RetireSettings } from './program.ts';
import { retireNodes } from './retire-command.ts';

export interface RetireContext {
  readonly clock: Clock;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Retires the nodes of the cluster that the process runs in. */
export async function runRetire(settings: RetireSettings, { clock, print, signal }: RetireContext): Promise<void> {
  const { namespace, name, timeoutMilliseconds, kubeconfig } = settings;
  const transport = new KubeConfigTransport(loadKubeConfig(kubeconfig === '' ? undefined : kubeconfig));
  const client = new ApiClient({ transport, clock, namespace });
  try {
    await retireNodes({ lease: { namespace, name }, timeoutMilliseconds }, { client, clock, print, signal });
  } finally {
    await transport.close();
  }
}
