import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Site } from './site.ts';

export interface PodPlace {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
}

/** Lines that a pod of ours has printed, from its node's disk: there when the API server is not. */
export function podLog(site: Site, { namespace, name, node }: PodPlace): readonly string[] {
  const logs = join(site.cluster.node(node).machine.folder, 'pod-logs');
  const folder = readdirSync(logs).find((one) => one.startsWith(`${namespace}_${name}_`));
  if (folder === undefined) throw new Error(`the pod ${namespace}/${name} has no log yet`);
  const text = readFileSync(join(logs, folder, 'main/0.log'), 'utf8');
  // Each line begins with the time, the stream, and whether it is whole.
  return text.split('\n').flatMap((line) => / (?:stdout|stderr) F (.*)$/.exec(line)?.[1] ?? []);
}
