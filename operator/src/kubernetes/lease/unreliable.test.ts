import assert from 'node:assert/strict';
import fc from 'fast-check';
import { silentLogger } from '../../logger.ts';
import { ApiClient } from '../client/api-client.ts';
import type { HttpRequest, HttpResponse, Transport } from '../client/transport.ts';
import { type FakeCluster, fakeCluster, passing, plainTransport } from '../testing/fake-cluster.ts';
import { LeaseElection } from './lease-election.ts';

/** A transport that a test can cut, silence, or make lose answers to what was done. */
class FlakyTransport implements Transport {
  readonly #inner: Transport;
  trouble: 'None' | 'Cut' | 'Silent' | 'AnswersLost' = 'None';

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    if (this.trouble === 'Cut') throw new Error('cut');
    if (this.trouble === 'Silent') return silence(request.signal);
    const answer = await this.#inner.send(request);
    if (this.trouble !== 'AnswersLost') return answer;
    answer.body.destroy();
    return silence(request.signal);
  }

  renew(): void {
    this.#inner.renew();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')));
    if (signal.aborted) reject(new Error('aborted'));
  });
}

/** A place at which one operator runs after the other: a process ends when it has lost the lease. */
class Place {
  readonly transport: FlakyTransport;
  readonly epochs: bigint[];
  readonly #cluster: FakeCluster;
  readonly #name: string;
  #election: LeaseElection | undefined;
  #starts = 0;

  constructor(cluster: FakeCluster, name: string, epochs: bigint[]) {
    this.#cluster = cluster;
    this.#name = name;
    this.epochs = epochs;
    this.transport = new FlakyTransport(plainTransport(cluster.server.url));
    this.begin();
  }

  get isLeading(): boolean {
    return this.#election?.isLeader ?? false;
  }

  begin(): void {
    const { clock } = this.#cluster;
    const { transport } = this;
    this.#starts += 1;
    this.#election = new LeaseElection({
      client: new ApiClient({ transport, clock, namespace: 'quiver-system' }),
      lease: { namespace: 'quiver-system', name: 'quiver-operator' },
      identity: `${this.#name}-${this.#starts}`,
      clock,
      random: () => 0.5,
      logger: silentLogger(),
    });
    this.#election.run({
      won: (epoch) => this.epochs.push(epoch),
      observed: () => undefined,
      lost: () => this.begin(),
    });
  }

  async suffer(step: Exclude<Step, { readonly do: 'pass' }>): Promise<void> {
    if (step.do === 'kill') await this.#kill();
    else this.transport.trouble = step.what;
  }

  // Ends without a word.
  async #kill(): Promise<void> {
    const { trouble } = this.transport;
    this.transport.trouble = 'Cut';
    await this.#election?.release();
    this.transport.trouble = trouble;
    this.begin();
  }

  async close(): Promise<void> {
    await this.#election?.release();
    await this.transport.close();
  }
}

type Step =
  | { readonly do: 'trouble'; readonly place: number; readonly what: FlakyTransport['trouble'] }
  | { readonly do: 'kill'; readonly place: number }
  | { readonly do: 'pass'; readonly milliseconds: number };

const places = 3;
const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('trouble' as const),
        place: fc.nat(places - 1),
        what: fc.constantFrom(...(['None', 'None', 'Cut', 'Silent', 'AnswersLost'] as const)),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), place: fc.nat(places - 1) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), milliseconds: fc.nat(30_000) }) },
  ),
  { minLength: 5, maxLength: 25 },
);

async function tryAll(all: readonly Step[]): Promise<void> {
  const cluster = await fakeCluster();
  const epochs: bigint[] = [];
  const running = Array.from({ length: places }, (_, index) => new Place(cluster, `op${index}`, epochs));
  const leading = (): number => running.filter(({ isLeading }) => isLeading).length;
  const pass = (milliseconds: number): Promise<void> => {
    const end = cluster.clock.now() + milliseconds;
    const isOver = (): boolean => {
      assert.ok(leading() <= 1, `${leading()} lead at once`);
      return cluster.clock.now() >= end;
    };
    return passing(cluster.clock, 'time passed', isOver, 100);
  };
  try {
    for (const step of all) {
      if (step.do === 'pass') await pass(step.milliseconds);
      else await running[step.place]?.suffer(step);
    }
    for (const { transport } of running) transport.trouble = 'None';
    await pass(40_000);
    assert.equal(leading(), 1);
    // In the order in which they were won, whatever was lost in between.
    assert.deepEqual(
      epochs,
      [...new Set(epochs)].toSorted((one, other) => (one < other ? -1 : 1)),
    );
  } finally {
    await Promise.all(running.map((one) => one.close()));
    await cluster.close();
  }
}

describe('lease election among machines that lose each other', () => {
  it('never has two leaders, has one in the end, and gives each leadership a higher epoch', async () => {
    await fc.assert(
      fc.asyncProperty(steps, (all) => tryAll(all as Step[])),
      { numRuns: 40, seed: 20260102 },
    );
  });
});
