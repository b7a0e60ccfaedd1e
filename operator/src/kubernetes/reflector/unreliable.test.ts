import assert from 'node:assert/strict';
import fc from 'fast-check';
import { silentLogger } from '../../logger.ts';
import type { StoredObject } from '../client/kube-object.ts';
import { resourceTypes } from '../resource-type.ts';
import { type FakeCluster, fakeCluster, passing, tenantOf } from '../testing/fake-cluster.ts';
import { Reflector } from './reflector.ts';

const tenants = resourceTypes.tenant;

/** What happens to the objects, to the connections, and to time. */
type Step =
  | { readonly do: 'put' | 'delete' | 'replace'; readonly name: string; readonly value: number }
  | { readonly do: 'cut' | 'silence' | 'wake' | 'down' | 'listen' | 'restart' | 'end' | 'garbage' | 'bookmark' }
  | { readonly do: 'fail'; readonly status: 403 | 404 | 410 | 429 | 500 | 503 }
  | { readonly do: 'pass'; readonly milliseconds: number };

const names = ['a', 'b', 'c', 'd', 'e'];
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom('put' as const, 'put' as const, 'delete' as const, 'replace' as const),
        name: fc.constantFrom(...names),
        value: fc.nat(3),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom(
          ...(['cut', 'silence', 'wake', 'down', 'listen', 'restart', 'end', 'garbage', 'bookmark'] as const),
        ),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('fail' as const),
        status: fc.constantFrom(...([403, 404, 410, 429, 500, 503] as const)),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), milliseconds: fc.nat(200_000) }) },
  ),
  { minLength: 10, maxLength: 60 },
);

/** A reflector beside an independent reader of its changes. */
class Trial {
  readonly cluster: FakeCluster;
  readonly reflector: Reflector<string>;
  /** What somebody knows who was told of the changes alone: by key, uid and value. */
  readonly told = new Map<string, string>();
  readonly mistakes: string[] = [];

  constructor(cluster: FakeCluster) {
    this.cluster = cluster;
    const project = (object: StoredObject): string => JSON.stringify(object['spec']);
    const { client, clock } = cluster;
    this.reflector = new Reflector({
      client,
      clock,
      type: tenants,
      project,
      random: () => 0.5,
      logger: silentLogger(),
    });
    this.reflector.store.onChange((change) => {
      const { key, uid, value } = change.entry;
      const known = this.told.has(key);
      if (known === (change.type === 'Added'))
        this.mistakes.push(`${change.type} ${key} while ${known ? '' : 'not '}known`);
      if (change.type === 'Deleted') this.told.delete(key);
      else this.told.set(key, `${uid} ${value}`);
    });
  }

  async take(step: Step): Promise<void> {
    const { server, clock } = this.cluster;
    if ('name' in step) return this.#write(step);
    switch (step.do) {
      case 'garbage':
        return server.watches.say('garbage\n');
      case 'end':
      case 'bookmark':
        return server.watches[step.do]();
      case 'fail':
        return server.failNext({ status: step.status, ...(step.status === 429 ? { retryAfter: '2' } : {}) });
      case 'pass': {
        const end = clock.now() + step.milliseconds;
        return passing(clock, 'time passed', () => clock.now() >= end, 500);
      }
      case 'cut':
      case 'silence':
      case 'wake':
      case 'down':
      case 'listen':
      case 'restart':
        await server[step.do]();
    }
  }

  async mend(): Promise<void> {
    const { server } = this.cluster;
    server.forgetFaults();
    server.wake();
    await server.listen();
  }

  onServer(): ReadonlyMap<string, string> {
    const all = this.cluster.server.storage.all(tenants);
    return new Map(all.map(({ metadata, spec }) => [metadata.name, `${metadata.uid} ${JSON.stringify(spec)}`]));
  }

  inStore(): ReadonlyMap<string, string> {
    return new Map([...this.reflector.store.entries()].map(({ key, uid, value }) => [key, `${uid} ${value}`]));
  }

  #write({ do: what, name, value }: Extract<Step, { name: string }>): void {
    const { storage } = this.cluster.server;
    const object = tenantOf(name, `10.${value}.0.0/24`);
    const exists = storage.has(tenants, name);
    if (exists && what === 'put') storage.update(tenants, object);
    if (exists && what !== 'put') storage.delete(tenants, name);
    if (what === 'replace' || (what === 'put' && !exists)) storage.create(object);
  }
}

function sameMaps(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
}

async function tryAll(cluster: FakeCluster, all: readonly Step[]): Promise<void> {
  const trial = new Trial(cluster);
  trial.reflector.start();
  try {
    for (const step of all) {
      await trial.take(step);
      assert.deepEqual(trial.told, trial.inStore());
    }
    await trial.mend();
    const isSame = (): boolean => trial.reflector.state.isCurrent && sameMaps(trial.inStore(), trial.onServer());
    await passing(cluster.clock, 'the store is as the server', isSame, 100);
    // And it goes on: a last change arrives as well.
    await trial.take({ do: 'replace', name: 'a', value: 222 });
    await passing(cluster.clock, 'the last change arrived', isSame, 100);
    assert.deepEqual(trial.told, trial.inStore());
    assert.deepEqual(trial.mistakes, []);
  } finally {
    await trial.reflector.stop();
    await cluster.close();
  }
}

describe('reflector under whatever a network and a server may do', () => {
  for (const [how, options] of [
    ['WatchList', {}],
    ['pages', { watchList: false }],
    ['a server that ignores the question for everything', { watchList: 'Ignored' }],
  ] as const) {
    it(`ends with a store as the server has it, every change told: ${how}`, async () => {
      const property = fc.asyncProperty(steps, async (all) => tryAll(await fakeCluster(options), all as Step[]));
      await fc.assert(property, { numRuns: 40, seed: 20260101 });
    });
  }
});
