import { existsSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { fromUnknown, QuiverError } from '../../errors.ts';

const tokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * The kubeconfig at `file`, or that of the pod we run in when there is no file.
 * Throws a `QuiverError` that says what is missing.
 */
export function loadKubeConfig(file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (file === undefined && !existsSync(tokenFile)) {
    throw new QuiverError(
      'ClusterUnreachable',
      'there is no kubeconfig and no service account: set KUBECONFIG, or run in a pod with a service account token',
    );
  }
  try {
    if (file === undefined) config.loadFromCluster();
    else config.loadFromFile(file);
  } catch (caught) {
    throw new QuiverError('ClusterUnreachable', `kubeconfig ${file ?? 'of the pod'}: ${fromUnknown(caught).message}`, {
      cause: caught,
    });
  }
  if (config.getCurrentCluster() === null) {
    throw new QuiverError(
      'ClusterUnreachable',
      `kubeconfig ${file ?? 'of the pod'}: the current context has no cluster`,
    );
  }
  return config;
}
