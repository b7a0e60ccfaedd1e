import assert from 'node:assert/strict';
import { eventually, wallClock } from '../harness/eventually.ts';
import { scenarioTime } from './support/fabric.ts';
import { tell } from './support/figures.ts';
import { podLog } from './support/pod-log.ts';
import { programPod } from './support/pods.ts';
import { Shop } from './support/shop.ts';

const CHANGES = 100;
/** Milliseconds from the answer to a change until traffic follows it; the machine is busy with two clusters. */
const MEDIAN = 1000;
const SLOWEST = 3000;

interface Transition {
  readonly isOpen: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

describe('a change of access', function () {
  this.timeout(scenarioTime);
  let shop: Shop;

  before(async () => {
    shop = await Shop.open({ name: 'changes', replicas: 2 });
  });
  after(() => shop?.close());

  it(`is in force soon, ${CHANGES} times in a row`, async function () {
    const { namespace, tenant, echo } = shop;
    const { alpha } = shop.fabric;
    const place = { namespace, name: 'probe', node: 'alpha2' };
    await alpha.apply(
      programPod(namespace, 'probe', ['probe.ts', 'echo', '7'], { labels: { role: 'buyer' }, node: 'alpha2' }),
    );
    const reaches = (isOpen: boolean): Promise<number> =>
      eventually(
        `access is ${isOpen ? 'given' : 'taken'}`,
        () => {
          const last = podLog(alpha, place).findLast((line) => line.startsWith('{'));
          const told = last === undefined ? undefined : (JSON.parse(last) as Transition);
          return told?.isOpen === isOpen ? told.at : undefined;
        },
        { within: 20_000, every: 10 },
      );
    await reaches(true);
    const delays: number[] = [];
    for (let change = 0; change < CHANGES; change += 1) {
      const isOpen = change % 2 === 1;
      const access = isOpen ? [{ tenant }] : [];
      const patch = JSON.stringify({ spec: { access } });
      await alpha.kubectl(echo, 'patch', 'qsvc', 'echo', '--type=merge', '-p', patch);
      const answered = wallClock();
      delays.push(Math.max(0, (await reaches(isOpen)) - answered));
    }
    delays.sort((a, b) => a - b);
    const [median = 0, slowest = 0] = [delays[CHANGES / 2], delays[Math.ceil(CHANGES * 0.99) - 1]];
    const figures = `p50 ${median} ms, p99 ${slowest} ms`;
    tell(this.test, figures);
    assert.ok(median <= MEDIAN && slowest <= SLOWEST, figures);
  });
});
