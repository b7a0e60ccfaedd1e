import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../harness/command.ts';
import { eventually } from '../harness/eventually.ts';
import { operators } from './support/agents.ts';
import { scenarioTime } from './support/fabric.ts';
import { Prometheus } from './support/prometheus.ts';
import { Shop } from './support/shop.ts';

/** The chart's alerts, without the minutes for which a state has to last. */
function impatientRules(): string {
  const file = join(import.meta.dirname, '../../charts/quiver/files/alerts.yaml');
  return readFileSync(file, 'utf8').replaceAll(/^(\s+)for: \S+$/gm, '$1for: 0s');
}

/** Series of the project's own; what the runtime library adds breaks promtool's rules. */
function ownSeries(text: string): string {
  return `${text
    .split('\n')
    .filter((line) => /^(# (HELP|TYPE) )?quiver_/.test(line))
    .join('\n')}\n`;
}

describe('Prometheus', function () {
  this.timeout(scenarioTime);
  let shop: Shop;
  let prometheus: Prometheus;

  before(async () => {
    shop = await Shop.open({ name: 'metrics' });
    const client = await shop.client('client', { labels: { role: 'buyer' }, node: 'alpha2' });
    const answer = await shop.fetch(client);
    assert.equal(answer.code, 0, answer.error);
    prometheus = await Prometheus.start(shop.fabric.alpha, impatientRules());
  });
  after(async () => {
    await prometheus?.stop();
    await shop?.close();
  });

  it('scrapes both operators and the agent of every node', async () => {
    const found = await eventually(
      'all targets are up',
      async () => {
        const targets = await prometheus.targets();
        const isUp = targets.length >= 4 && targets.every(({ health }) => health === 'up');
        if (!isUp) throw new Error(targets.map(({ scrapeUrl, lastError }) => `${scrapeUrl} ${lastError}`).join('; '));
        return targets;
      },
      { within: 30_000, every: 500 },
    );
    const components = found.map(({ labels }) => labels['component'] ?? '').toSorted((a, b) => a.localeCompare(b));
    assert.deepEqual(components, ['agent', 'agent', 'operator', 'operator']);
  });

  it('finds nothing wrong with what it reads', async () => {
    for (const { scrapeUrl } of await prometheus.targets()) {
      const text = await shop.fabric.alpha.cluster.first.machine.must(['curl', '-sf', '--max-time', '5', scrapeUrl]);
      const own = ownSeries(text);
      assert.ok(own.split('\n').length > 10, `${scrapeUrl} tells hardly anything`);
      const { code, stdout, stderr } = await run(['promtool', 'check', 'metrics'], own);
      assert.equal(code, 0, `${scrapeUrl}: ${stdout}${stderr}`);
    }
  });

  it('has no alert when all is well, and one when nobody leads', async () => {
    const { alpha } = shop.fabric;
    const firing = async (): Promise<string[]> => {
      const alerts = await prometheus.alerts();
      return alerts.flatMap(({ state, labels }) => (state === 'firing' ? (labels['alertname'] ?? []) : []));
    };
    await eventually('nothing fires', async () => {
      const now = await firing();
      if (now.length > 0) throw new Error(now.join());
      return true;
    });
    await alpha.kubectl(operators, 'scale', 'deployment/quiver-operator', '--replicas=0');
    await prometheus.discover();
    try {
      await eventually('it is told', async () => ((await firing()).includes('QuiverNoLeader') ? true : undefined), {
        within: 60_000,
        every: 500,
      });
    } finally {
      await alpha.kubectl(operators, 'scale', 'deployment/quiver-operator', '--replicas=2');
      await alpha.kubectl(operators, 'rollout', 'status', 'deployment/quiver-operator', '--timeout=90s');
      await prometheus.discover();
    }
    await eventually('it is over', async () => ((await firing()).includes('QuiverNoLeader') ? undefined : true), {
      within: 60_000,
      every: 500,
    });
  });
});
