import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './imports.ts';

interface CrateRule {
  readonly crate: string;
  /** Our own crates that it may depend on. */
  readonly mayUse: readonly string[];
  readonly why: string;
}

const CRATES: readonly CrateRule[] = [
  { crate: 'quiver-wire', mayUse: [], why: 'Bytes are known in one place, and that place knows nothing else.' },
  { crate: 'quiver-crypto', mayUse: ['quiver-wire'], why: 'Keys and seals work on bytes, not on sessions.' },
  {
    crate: 'quiver-engine',
    mayUse: ['quiver-wire', 'quiver-crypto'],
    why: 'The router is sans-IO: whoever drives it, simulator or kernel, depends on it and not the reverse.',
  },
  {
    crate: 'quiver-sim',
    mayUse: ['quiver-engine', 'quiver-wire', 'quiver-crypto'],
    why: 'The simulator drives engines in virtual time and must not reach the real world.',
  },
  {
    crate: 'quiver-api',
    mayUse: ['quiver-engine', 'quiver-crypto', 'quiver-wire'],
    why: 'Messages become tables here, without any sockets behind them.',
  },
  {
    crate: 'quiver-io',
    mayUse: ['quiver-engine', 'quiver-api', 'quiver-wire', 'quiver-crypto'],
    why: 'Policy is decided in the engine; io moves packets and owns the kernel objects.',
  },
  {
    crate: 'quiver-node',
    mayUse: ['quiver-io', 'quiver-api', 'quiver-engine', 'quiver-crypto', 'quiver-wire'],
    why: 'The addon is the outermost layer: nothing may depend on it.',
  },
  {
    crate: 'quiver-cni',
    mayUse: [],
    why: 'A program for each pod that starts: it asks the agent, and knows nothing itself.',
  },
  { crate: 'quiver-load', mayUse: [], why: 'It measures every way alike, and so knows nothing of ours.' },
];

/** Crates that must not be reached from the core, however indirectly. */
const CORE = ['quiver-wire', 'quiver-crypto', 'quiver-engine', 'quiver-sim'];
const NEVER_IN_CORE: Readonly<Record<string, string>> = {
  tokio: 'an asynchronous runtime hides time and order, which the simulator must control',
  libc: 'system calls belong into io',
  nix: 'system calls belong into io',
  rustix: 'system calls belong into io',
  napi: 'only the addon knows JavaScript',
  rand: 'chance comes in as a seed',
  getrandom: 'chance comes in as a seed',
  tracing: 'events are data; nothing is logged per packet',
  log: 'events are data; nothing is logged per packet',
};

interface Metadata {
  readonly packages: readonly { readonly id: string; readonly name: string; readonly source: string | null }[];
  readonly resolve: {
    readonly nodes: readonly {
      readonly id: string;
      readonly deps: readonly {
        readonly pkg: string;
        readonly dep_kinds: readonly { readonly kind: string | null }[];
      }[];
    }[];
  };
}

type Graph = ReadonlyMap<string, readonly string[]>;

/** Package name -> names of its normal dependencies; build and development dependencies don't ship. */
function readGraph(): Graph {
  const args = ['metadata', '--format-version', '1', '--locked', '--filter-platform', 'x86_64-unknown-linux-gnu'];
  const result = spawnSync('cargo', args, { cwd: join(ROOT, 'dataplane'), encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(result.status, 0, result.stderr);
  const { packages, resolve } = JSON.parse(result.stdout) as Metadata;
  const names = new Map(packages.map(({ id, name }) => [id, name]));
  return new Map(
    resolve.nodes.map(({ id, deps }) => {
      const normal = deps.filter(({ dep_kinds }) => dep_kinds.some(({ kind }) => kind === null));
      return [names.get(id) ?? id, normal.map(({ pkg }) => names.get(pkg) ?? pkg)];
    }),
  );
}

/** Shortest chain of dependencies from one package to another, if there is one. */
function chain(graph: Graph, from: string, to: string): string[] | undefined {
  const queue: string[][] = [[from]];
  const seen = new Set([from]);
  for (const path of queue) {
    for (const next of graph.get(path.at(-1) ?? '') ?? []) {
      if (next === to) return [...path, next];
      if (seen.has(next)) continue;
      seen.add(next);
      queue.push([...path, next]);
    }
  }
  return undefined;
}

describe('who may depend on whom in Rust', function () {
  this.timeout(60_000);
  let graph: Graph = new Map();

  before(() => {
    graph = readGraph();
  });

  for (const { crate, mayUse, why } of CRATES) {
    it(`${crate} uses ${mayUse.length === 0 ? 'no other crate of ours' : `only ${mayUse.join(', ')}`}`, () => {
      const uses = graph.get(crate);
      assert.ok(uses !== undefined, `${crate} does not exist any more: correct this list`);
      const ours = uses.filter((name) => name.startsWith('quiver-'));
      assert.deepEqual(
        ours.filter((name) => !mayUse.includes(name)),
        [],
        why,
      );
    });
  }

  for (const [name, why] of Object.entries(NEVER_IN_CORE)) {
    it(`the core never reaches ${name}`, () => {
      const chains = CORE.map((crate) => chain(graph, crate, name)?.join(' -> ')).filter((text) => text !== undefined);
      assert.deepEqual(chains, [], why);
    });
  }

  it('every crate of the workspace has its rule', () => {
    const ours = [...graph.keys()].filter((name) => name.startsWith('quiver-'));
    const known = new Set(CRATES.map(({ crate }) => crate));
    assert.deepEqual(
      ours.filter((name) => !known.has(name)),
      [],
    );
  });
});
