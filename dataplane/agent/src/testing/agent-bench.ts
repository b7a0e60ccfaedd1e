import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { credentials } from '@grpc/grpc-js';
import { AdminServiceClient, type StatusResponse } from '@quiver/dataplane-api';
import { Agent } from '../agent.ts';
import type { AgentDeps, AgentSettings } from '../agent-settings.ts';
import { silentLogger } from '../logger.ts';
import { FakeEngine } from './fake-engine.ts';
import { FakeOperator } from './fake-operator.ts';
import { ManualClock } from './manual-clock.ts';
import { identity } from './sample-config.ts';
import { scratchFolder } from './scratch.ts';

/** Agents between an engine and an operator that do what a test says; everything is new for each test of the suite it is made in. */
export class AgentBench {
  engine = new FakeEngine();
  clock = new ManualClock();
  /** Addresses of targets that do not answer. */
  readonly dead = new Set<string>();
  readonly #folder = scratchFolder();
  readonly #agents: Agent[] = [];
  #operator: FakeOperator | undefined;

  constructor() {
    beforeEach(async () => {
      this.engine = new FakeEngine();
      this.clock = new ManualClock();
      this.dead.clear();
      this.#operator = await FakeOperator.listen(this.at('operator.sock'));
    });
    afterEach(async () => {
      await Promise.all(this.#agents.splice(0).map((agent) => agent.stop()));
      this.#operator?.close();
    });
  }

  get operator(): FakeOperator {
    if (this.#operator === undefined) throw new Error('no test has begun');
    return this.#operator;
  }

  at(...names: readonly string[]): string {
    return join(this.#folder(), ...names);
  }

  async start(changed: Partial<AgentSettings> = {}, more: Partial<AgentDeps> = {}): Promise<Agent> {
    const settings: AgentSettings = {
      ...identity,
      operator: { address: `unix:${this.at('operator.sock')}` },
      stateDir: this.at('state'),
      socket: this.at('a.sock'),
      version: '0.1.0',
      keepDevice: false,
      ...changed,
    };
    const { engine, clock } = this;
    const probe: AgentDeps['probe'] = ({ address }) => Promise.resolve(!this.dead.has(address));
    const deps: AgentDeps = { engine, clock, random: () => 0, logger: silentLogger(), probe, ...more };
    const agent = await Agent.start(settings, deps);
    this.#agents.push(agent);
    return agent;
  }

  async status(): Promise<StatusResponse> {
    const client = new AdminServiceClient(`unix:${this.at('a.sock')}`, credentials.createInsecure());
    try {
      return await new Promise((resolve, reject) => {
        client.status({}, (error, response) => (error === null ? resolve(response) : reject(error)));
      });
    } finally {
      client.close();
    }
  }

  /** Waits, without time, for what the event loop still has to do. */
  async until(holds: () => boolean): Promise<void> {
    for (let turns = 0; !holds(); turns += 1) {
      assert.ok(turns < 3_000_000, 'it does not happen');
      await setImmediate();
    }
  }
}
