import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildWebServer } from '../cluster/images/stand-in.ts';
import { release, uninstall } from '../cluster/install.ts';
import { now } from '../harness/eventually.ts';
import { clusterCache, installAgain, loadedImages } from '../setup/e2e-lab.ts';
import { ROOT } from '../setup/stage.ts';
import { type Fabric, openFabric, peerTo, scenarioTime } from './support/fabric.ts';
import { tell } from './support/figures.ts';
import { namespaceObject, peer, tenant } from './support/objects.ts';
import { UserMachine } from './support/user-machine.ts';

/** Commands, and milliseconds to the first answer once the images are there. */
const MOST_COMMANDS = 6;
const FIRST_ANSWER = 180_000;

/** The nodes of these clusters are reached by other addresses than those that Kubernetes knows. */
const ADDRESSES = ',routerConfig.kubernetes.waypointAddress=Annotation';

/** Lines of the first block behind the headline of README.md. */
function commandsOf(headline: string): string[] {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const block = /```\n([\s\S]*?)```/.exec(text.slice(text.indexOf(headline)))?.[1] ?? '';
  return block.split('\n').filter((line) => line !== '');
}

/** Repository of an image as the default values name it, by the target of the Dockerfile. */
const published = { operator: 'ghcr.io/quiver-dev/operator', dataplane: 'ghcr.io/quiver-dev/dataplane' } as const;

describe('the quick start of README.md', function () {
  this.timeout(scenarioTime);
  let fabric: Fabric;
  let machine: UserMachine;

  before(async () => {
    fabric = await openFabric();
    const { lab, alpha, beta } = fabric;
    const web = await buildWebServer(clusterCache, lab.images, 'docker.io/library/nginx:1.29-alpine');
    const version = /^appVersion: "?([^"\n]+)"?$/m.exec(
      readFileSync(join(ROOT, 'charts/quiver/Chart.yaml'), 'utf8'),
    )?.[1];
    await Promise.all([alpha.remove(peerTo(beta)), beta.remove(peerTo(alpha))]);
    for (const { cluster } of [alpha, beta]) {
      await uninstall(cluster, lab.tools.helm4);
      await cluster.importImage(web);
      await cluster.tagImage('localhost/tools:1', 'docker.io/curlimages/curl:8.16.0');
      for (const { target, repository, tag } of loadedImages(lab)) {
        if (target !== 'cli') await cluster.tagImage(`${repository}:${tag}`, `${published[target]}:${version}`);
      }
    }
    machine = await UserMachine.make(lab, { a: alpha.cluster, b: beta.cluster });
  });
  after(async () => {
    const { lab, alpha, beta } = fabric;
    for (const site of [alpha, beta]) {
      await uninstall(site.cluster, lab.tools.helm4);
      await site.remove(namespaceObject('demo'), tenant('clients', []), peer('a', []), peer('b', []));
    }
    await machine?.remove();
    await installAgain();
  });

  it('leads to an answer from the other cluster', async function () {
    const commands = commandsOf('## In Kubernetes');
    assert.ok(commands.length <= MOST_COMMANDS, `${commands.length} commands`);
    const begin = now();
    const script = commands.map((line) => line.replace('fabricSecret.value=$SECRET', `$&${ADDRESSES}`)).join('\n');
    const output = await machine.run(script);
    const took = now() - begin;
    assert.match(output, /a web server/);
    assert.ok(took < FIRST_ANSWER, `it took ${Math.round(took / 1000)} s`);
    tell(this.test, `${commands.length} commands, ${Math.round(took / 1000)} s`);
  });

  it('is followed by what is told of the state', async () => {
    assert.match(await machine.run('kubectl quiver status --context a'), /alpha1/);
    assert.match(await machine.run('kubectl get quiver -A --context a'), /web/);
    assert.match(await machine.run(`helm list -n ${release.namespace} --kube-context a`), /deployed/);
  });
});
