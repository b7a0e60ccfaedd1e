import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../setup/stage.ts';
import { dashboard, dashboardQueries } from './dashboard.ts';
import { agentText, metricNames, operatorText } from './registries.ts';
import { MINIMUM, MONITORING, pick, render } from './render.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleTest {
  readonly tests: readonly {
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
  }[];
}

const CHART = join(ROOT, 'charts/quiver');
const alertsFile = parse(readFileSync(join(CHART, 'files/alerts.yaml'), 'utf8')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = alertsFile.groups.flatMap((group) => group.rules);

function metricsIn(query: string): string[] {
  return query.match(/\bquiver_[a-z_]+/g) ?? [];
}

describe('the alerts of the chart', () => {
  it('fire when they should and not when they should not', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'alerts.promtool.yaml'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
  });

  it('have a situation in which they fire and one in which they do not, each of them', () => {
    const { tests } = parse(readFileSync(join(import.meta.dirname, 'alerts.promtool.yaml'), 'utf8')) as RuleTest;
    const seen = new Set(
      tests.flatMap((test) =>
        test.alert_rule_test.map(
          ({ alertname, exp_alerts: alerts }) => `${alertname} ${alerts.length > 0 ? 'fires' : 'is quiet'}`,
        ),
      ),
    );
    const wanted = rules.flatMap(({ alert }) => [`${alert} fires`, `${alert} is quiet`]);
    assert.deepEqual(
      wanted.filter((one) => !seen.has(one)),
      [],
    );
  });

  it('use metrics that exist', async () => {
    const known = await metricNames();
    const used = rules.flatMap(({ expr }) => metricsIn(expr));
    assert.deepEqual(
      used.filter((name) => !known.has(name)),
      [],
    );
  });

  it('say what is wrong and where to read on, in a section of the manual', () => {
    const manual = readFileSync(join(CHART, 'docs/alerts.md'), 'utf8');
    for (const { alert, labels, annotations } of rules) {
      assert.deepEqual(Object.keys(annotations).toSorted(), ['description', 'runbook_url', 'summary'], alert);
      assert.ok(annotations['runbook_url']?.endsWith(`#${alert.toLowerCase()}`), alert);
      assert.ok(manual.includes(`\n## ${alert}\n`), `${alert} has no section`);
      assert.match(labels.severity, /^(critical|warning|info)$/, alert);
    }
  });

  it('are in the PrometheusRule as they are in the file', async () => {
    const values = { ...MINIMUM, metrics: { prometheusRule: { enabled: true, labels: { release: 'prometheus' } } } };
    const rule = pick(await render({ values, apiVersions: MONITORING }), 'PrometheusRule', 'quiver');
    assert.deepEqual(rule['spec'], alertsFile);
    assert.equal(rule.metadata.labels?.['release'], 'prometheus');
  });
});

describe('the metrics that the monitors collect', () => {
  for (const [who, text] of [
    ['the operator', operatorText],
    ['agents', agentText],
  ] as const) {
    it(`of ${who} have nothing about which promtool complains`, async () => {
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
        input: await text(),
        encoding: 'utf8',
      });
      assert.equal(status, 0, stdout + stderr);
    });
  }
});

describe('the dashboard of the chart', () => {
  it('uses metrics that exist', async () => {
    const known = await metricNames();
    const used = dashboardQueries().flatMap(metricsIn);
    assert.ok(used.length > 20);
    assert.deepEqual(
      used.filter((name) => !known.has(name)),
      [],
    );
  });

  it('has queries that Prometheus can read', () => {
    const queries = dashboardQueries().map((expr, index) => ({ record: `q${index}`, expr }));
    const text = JSON.stringify({ groups: [{ name: 'dashboard', rules: queries }] });
    const folder = mkdtempSync(join(tmpdir(), 'quiver-dashboard-'));
    const file = join(folder, 'rules.yaml');
    writeFileSync(file, text.replaceAll('$__rate_interval', '5m'));
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    assert.equal(status, 0, stdout + stderr);
  });

  it('places no panel over another one', () => {
    const { panels } = dashboard() as { panels: { title: string; gridPos: Record<'x' | 'y' | 'w' | 'h', number> }[] };
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.ok(x < 24 && !taken.has(`${x} ${y}`), title);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });

  it('is in the ConfigMap for Grafana as it is in the file, with its own variables untouched', async () => {
    const values = { ...MINIMUM, metrics: { dashboard: { enabled: true } } };
    const map = pick(await render({ values }), 'ConfigMap', 'quiver-dashboard') as unknown as {
      readonly metadata: { readonly labels: object };
      readonly data: Readonly<Record<string, string>>;
    };
    assert.deepEqual(JSON.parse(map.data['quiver.json'] ?? ''), JSON.parse(JSON.stringify(dashboard())));
    assert.ok('grafana_dashboard' in map.metadata.labels);
  });
});

describe('the monitors of the chart', () => {
  it('select the ports that the pods have, and are off unless asked for', async () => {
    const values = {
      ...MINIMUM,
      metrics: { serviceMonitor: { enabled: true, interval: '15s' }, podMonitor: { enabled: true } },
    };
    const manifests = await render({ values, apiVersions: MONITORING });
    const service = pick(manifests, 'ServiceMonitor', 'quiver-operator')['spec'] as { endpoints: object[] };
    assert.deepEqual(service.endpoints, [{ port: 'metrics', path: '/metrics', interval: '15s' }]);
    const pod = pick(manifests, 'PodMonitor', 'quiver-agent')['spec'] as { podMetricsEndpoints: object[] };
    assert.deepEqual(pod.podMetricsEndpoints, [{ port: 'metrics', path: '/metrics' }]);
    const usual = (await render({ apiVersions: MONITORING })).map(({ apiVersion }) => apiVersion);
    assert.ok(!usual.includes('monitoring.coreos.com/v1'));
  });
});
