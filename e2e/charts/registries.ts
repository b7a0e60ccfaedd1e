import { Counters } from '@quiver/dataplane-api';
import { Metrics } from '../../dataplane/agent/src/telemetry/metrics.ts';
import { OperatorMetrics } from '../../operator/src/metrics/operator-metrics.ts';

/** Names of all metrics that operator and agents show, as queries use them. */
export async function metricNames(): Promise<ReadonlySet<string>> {
  const text = `${await agentText()}\n${await operatorText()}`;
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({ name, type }));
  return new Set(types.flatMap(({ name, type }) => (type === 'histogram' ? [name, `${name}_bucket`] : [name])));
}

export function agentText(): Promise<string> {
  return new Metrics().text({
    version: '0.1.0',
    router: 'a',
    node: 'a1',
    counters: Counters.create(),
    eventsLost: 0n,
    targets: [],
    config: { version: 0n, ageSeconds: 0, isStale: false, rejections: 0 },
    isConnected: true,
    isReady: true,
  });
}

export async function operatorText(): Promise<string> {
  const metrics = new OperatorMetrics('0.1.0', {
    isLeader: () => true,
    isReady: () => true,
    watches: () => [],
    problems: () => [],
    nodes: () => [],
    queues: () => ({}),
    eventsDropped: () => 0,
    authorityEnd: () => undefined,
  });
  return (await metrics.read()).text;
}
