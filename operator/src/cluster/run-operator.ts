import type { Clock } from '../clock.ts';
import type { TokenReviewer } from '../identity/token-review.ts';
import { ApiClient } from '../kubernetes/client/api-client.ts';
import { loadKubeConfig } from '../kubernetes/client/kube-config.ts';
import { reviewToken } from '../kubernetes/client/token-review.ts';
import { KubeConfigTransport } from '../kubernetes/client/transport.ts';
import type { Logger } from '../logger.ts';
import { loadCrds } from '../schema/index.ts';
import { KubernetesSource } from '../source/kubernetes/kubernetes-source.ts';
import { Replica } from './replica.ts';
import type { ClusterSettings } from './settings.ts';

export interface OperatorContext {
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly version: string;
  /** The process shall end. */
  readonly signal: AbortSignal;
}

/** Runs one operator until it is told to end; the exit code. Rejects when it cannot begin. */
export async function runOperator(settings: ClusterSettings, context: OperatorContext): Promise<number> {
  const { signal } = context;
  const { transport, client, view } = connect(settings, context);
  const reviewer = { review: reviewing(client, context.logger) };
  const replica = new Replica(settings, { ...context, client, view, reviewer });
  const stop = (): void => void replica.stop().then(() => view.close());
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    return (await replica.run()) === 'Stopped' ? 0 : 1;
  } catch (caught) {
    // Told to end before everything was read.
    if (signal.aborted) return 0;
    throw caught;
  } finally {
    signal.removeEventListener('abort', stop);
    await view.close();
    await transport.close();
  }
}

interface Connection {
  readonly transport: KubeConfigTransport;
  readonly client: ApiClient;
  readonly view: KubernetesSource;
}

function connect(settings: ClusterSettings, { clock, random, logger }: OperatorContext): Connection {
  const { kubeconfig, namespace, routerConfig, secrets } = settings;
  const transport = new KubeConfigTransport(loadKubeConfig(kubeconfig === '' ? undefined : kubeconfig));
  const client = new ApiClient({ transport, clock, namespace });
  const view = new KubernetesSource({
    client,
    clock,
    random,
    logger: logger.with({ component: 'source' }),
    crds: loadCrds(),
    routerFile: routerConfig,
    secretsFolder: secrets,
  });
  return { transport, client, view };
}

function reviewing(client: ApiClient, logger: Logger): TokenReviewer['review'] {
  return async (token, audience) => {
    const owner = await reviewToken(client, token, audience);
    if (!('error' in owner)) return owner;
    logger.info('a token was refused', { component: 'enrolment', reason: owner.error });
    return undefined;
  };
}
