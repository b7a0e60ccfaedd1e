import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toolsImage } from '../cluster/images/base.ts';
import { release } from '../cluster/install.ts';
import { must } from '../harness/command.ts';
import { eventually, now } from '../harness/eventually.ts';
import { ROOT } from '../setup/stage.ts';
import { agents } from './support/agents.ts';
import { type Fabric, openFabric, scenarioTime } from './support/fabric.ts';
import { LiveConnections } from './support/live-connections.ts';
import { namespaceObject, tenant } from './support/objects.ts';
import { Plugin } from './support/plugin.ts';
import { Shop } from './support/shop.ts';

/** Seconds from `connect` to the first answer, images being there. */
const FIRST_ANSWER = 120;

const both = ['--context', 'a', '--context', 'b'];

describe('kubectl quiver', function () {
  this.timeout(scenarioTime);
  let plugin: Plugin;
  let fabric: Fabric;

  before(async () => {
    fabric = await openFabric();
    const ready = ['rollout', 'status', 'daemonset/quiver-agent', '--timeout=60s'];
    await Promise.all([fabric.alpha, fabric.beta].map((site) => site.kubectl(agents, ...ready)));
    plugin = await Plugin.open(fabric);
  });
  after(() => plugin.close());

  describe('in the quick start of the README', () => {
    after(async () => {
      const all = [namespaceObject('demo'), tenant('clients', [])];
      await Promise.all([fabric.alpha.remove(...all), fabric.beta.remove(...all)]);
    });

    it('needs the lines that are written there, and the service answers', async () => {
      const lines = await quickStart();
      await putFiles(plugin.folder);
      const begin = now();
      const printed: string[] = [];
      for (const line of lines) printed.push(await plugin.line(line));
      assert.match(printed.join(''), /hello from web/);
      assert.ok(now() - begin < FIRST_ANSWER * 1000, `it took ${Math.round((now() - begin) / 1000)} s`);
    });
  });

  describe('with a service of another cluster', () => {
    let shop: Shop | undefined;
    let client: string;
    const namespace = 'plugin';

    before(async () => {
      shop = await Shop.open({ name: namespace });
      client = await shop.client('client', { labels: { role: 'buyer' }, node: 'alpha2' });
    });
    after(() => shop?.close());

    it('explains a conversation from the pod to the servers at the other end', async () => {
      const { code, stdout, stderr } = await plugin.quiver(
        'explain',
        '--from',
        `${namespace}/${client}`,
        '--to',
        'web',
        ...both,
      );
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /^ ?1\. pod +ok +pod plugin\/client runs on alpha2 as /);
      assert.match(stdout, /tenant +ok .*buyers-plugin/);
      assert.match(stdout, /\d+\. b +ok +router beta serves plugin\/web by route web\nForwarded\n/);
    });

    it('says why another pod is refused', async () => {
      assert.ok(shop !== undefined);
      const stranger = await shop.client('stranger');
      const { code, stdout } = await plugin.quiver(
        'explain',
        '--from',
        `${namespace}/${stranger}`,
        '--to',
        `web.${namespace}`,
      );
      assert.equal(code, 1, stdout);
      assert.match(stdout, /refused/);
      assert.match(stdout, /\nNo Tenant selects pod plugin\/stranger \(labels app=stranger; /);
    });

    it('joins the session of both ends by its id', async () => {
      const options = { namespace, name: 'live', host: 'echo', port: 7, count: 1, node: 'alpha1' };
      const live = await LiveConnections.open(fabric.alpha, options);
      const { code, stdout, stderr } = await plugin.quiver(
        'sessions',
        ...both,
        '--service',
        `${namespace}/echo`,
        '-o',
        'json',
      );
      assert.equal(code, 0, stderr);
      const { sessions } = JSON.parse(stdout) as { sessions: { seenAt: { cluster: string; role: string }[] }[] };
      const places = sessions.map(({ seenAt }) => seenAt.map(({ cluster, role }) => `${cluster} ${role}`));
      assert.deepEqual(places, [['a Ingress', 'b Egress']]);
      await live.goOn();
    });

    it('shows every path up, and counts what was dropped', async () => {
      const peers = await plugin.quiver('peers', '--context', 'a');
      assert.equal(peers.code, 0, peers.stdout + peers.stderr);
      assert.match(peers.stdout, /alpha2 +beta\/beta\d .* Up /);
      assert.ok(shop !== undefined);
      const refused = await shop.fetch('stranger');
      assert.notEqual(refused.code, 0);
      await eventually('the drop is counted', async () => {
        const { stdout } = await plugin.quiver('drops', '--context', 'a');
        return /^no_tenant +\d+ +/m.test(stdout) ? true : undefined;
      });
    });

    it('is content with the clusters, apart from objects of others', async () => {
      const { stdout } = await plugin.quiver('diagnose', ...both, '-o', 'json');
      const { clusters } = JSON.parse(stdout) as {
        clusters: { checks: { check: string; findings: { result: string; found: string }[] }[] }[];
      };
      const failed = clusters.flatMap(({ checks }) =>
        checks
          .filter(({ check }) => check !== 'objects')
          .flatMap(({ check, findings }) =>
            findings.filter(({ result }) => result === 'Failed').map(({ found }) => `${check}: ${found}`),
          ),
      );
      assert.deepEqual(failed, []);
      assert.equal(clusters.length, 2);
    });

    it('tells the versions and the leader of both clusters', async () => {
      const { stdout } = await plugin.quiver('status', ...both);
      assert.match(
        stdout,
        /^Cluster a at .*, router alpha of fabric lab\.\nOperator: 2 of 2 pods ready, .* leads \(epoch \d+\)\./,
      );
      assert.match(stdout, /\nCluster b at .*, router beta of fabric lab\.\n/);
    });

    it('puts everything into a bundle but secrets', async () => {
      const { code, stderr } = await plugin.quiver('support-bundle', '--context', 'a', '-f', 'bundle.tar.gz');
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      await must(['tar', '-xzf', join(plugin.folder, 'bundle.tar.gz'), '-C', plugin.folder]);
      const text = await must(['grep', '-rh', '', join(plugin.folder, 'bundle')]);
      assert.match(text, /name: web\n/);
      for (const secret of await secretsOf(fabric)) assert.ok(!text.includes(secret), 'the bundle holds a secret');
    });
  });
});

/** The lines of the README that follow the installation, with images that the nodes have. */
async function quickStart(): Promise<readonly string[]> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const [, section = ''] = readme.split('## In Kubernetes\n');
  const [, block = ''] = /```\n(.*?)```/s.exec(section) ?? [];
  const lines = block.trim().split('\n');
  const first = lines.findIndex((line) => line.startsWith('kubectl quiver connect'));
  assert.equal(lines.length, 6, 'the quick start has six commands');
  assert.equal(first, 2, 'two of them install');
  return lines
    .slice(first)
    .map((line) => line.replace(/--image \S+/, `--image ${toolsImage} --image-pull-policy Never`));
}

/** Its files, with images that the nodes have and the name that router b has here. */
async function putFiles(folder: string): Promise<void> {
  for (const name of ['a', 'b']) {
    const path = `operator/docs/quickstart/${name}.yaml`;
    const text = await readFile(join(ROOT, path), 'utf8');
    const server = `require('node:http').createServer((_, r) => r.end('hello from web\\n')).listen(80)`;
    const image = `image: ${toolsImage}\n          imagePullPolicy: Never\n          command: [node, -e, ${JSON.stringify(server)}]`;
    await mkdir(join(folder, dirname(path)), { recursive: true });
    await writeFile(
      join(folder, path),
      text.replace(/image: \S+nginx\S*/, image).replace('- name: b\n', '- name: beta\n'),
    );
  }
}

/** Texts by which Quiver's Secrets would be known: as the API shows them, and a line of what they hold. */
async function secretsOf({ alpha }: Fabric): Promise<readonly string[]> {
  const text = await alpha.cluster.kubectl(['-n', release.namespace, 'get', 'secrets', '-o', 'json']);
  const { items } = JSON.parse(text) as { items: { type: string; data?: Record<string, string> }[] };
  const own = items.filter(({ type }) => type === 'Opaque').flatMap(({ data = {} }) => Object.entries(data));
  const values = own.filter(([key]) => key !== 'tls.crt').map(([, value]) => value);
  assert.ok(values.length >= 2, 'the fabric secret and the key of the authority');
  return values.flatMap((value) => {
    const [first = '', second = first] = Buffer.from(value, 'base64').toString().trim().split('\n');
    return [value, second];
  });
}
