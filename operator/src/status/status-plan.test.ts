import assert from 'node:assert/strict';
import type { Condition } from '../conditions/condition.ts';
import { eventsOf } from './status-events.ts';
import { planStatus } from './status-plan.ts';
import type { ObjectStatus } from './status-report.ts';
import { roundedCount, steadyCount } from './steady-count.ts';

type Status = ObjectStatus['status'];

const now = '2026-01-02T00:00:00.123Z';
const earlier = '2026-01-01T00:00:00Z';

function condition(more: Partial<Condition> = {}): Condition {
  const ready = { type: 'Ready', status: 'True', reason: 'Ready', message: '' } as const;
  return { ...ready, observedGeneration: 1, lastTransitionTime: now, ...more };
}

function status(more: Partial<Status> = {}): Status {
  return { observedGeneration: 1, conditions: [condition()], ...more };
}

function written(desired: Status, stored: unknown): Status | undefined {
  const plan = planStatus(desired, stored, now);
  return plan.kind === 'Write' ? plan.status : undefined;
}

describe('what is written of a status', () => {
  it('is nothing when the same is stored, whoever wrote it and whenever', () => {
    const stored = status({ conditions: [condition({ lastTransitionTime: earlier })], sessions: 3 });
    assert.deepEqual(planStatus(status({ sessions: 3 }), stored, now), { kind: 'Nothing' });
  });

  it('carries the time of a condition over while its status is the same', () => {
    const stored = status({ conditions: [condition({ lastTransitionTime: earlier, reason: 'Pending' })] });
    assert.equal(written(status(), stored)?.conditions[0]?.lastTransitionTime, earlier);
    const other = status({ conditions: [condition({ lastTransitionTime: earlier, status: 'False' })] });
    assert.equal(written(status(), other)?.conditions[0]?.lastTransitionTime, '2026-01-02T00:00:00Z');
  });

  it('gives a default status, which nobody wrote, a time of its own', () => {
    const byDefault = condition({ status: 'Unknown', lastTransitionTime: '1970-01-01T00:00:00Z' });
    const plan = written(status({ conditions: [condition({ status: 'Unknown' })] }), { conditions: [byDefault] });
    assert.equal(plan?.conditions[0]?.lastTransitionTime, '2026-01-02T00:00:00Z');
  });

  it('leaves conditions of others alone and takes back its own that holds no longer', () => {
    const foreign = { ...condition({ lastTransitionTime: earlier }), type: 'example.com/Audited' };
    const mine = condition({ lastTransitionTime: earlier });
    assert.equal(written(status(), { ...status(), conditions: [foreign, mine] }), undefined);
    const former = { ...condition(), type: 'DNSPublished' };
    assert.equal(written(status(), { ...status(), conditions: [former, mine] })?.conditions.length, 1);
  });

  it('takes the order of conditions and paths from the API server', () => {
    const [one, other] = [condition(), condition({ type: 'Accepted', reason: 'Accepted' })];
    const paths = [
      { local: '203.0.113.1', remote: '203.0.113.2', state: 'Up', mtu: 1500, sessions: 0 },
      { local: '203.0.113.1', remote: '203.0.113.3', state: 'Up', mtu: 1500, sessions: 0 },
    ];
    const stored = { ...status({ conditions: [one, other], paths: paths.toReversed() }) };
    const steady = {
      ...stored,
      conditions: stored.conditions.map((each) => ({ ...each, lastTransitionTime: earlier })),
    };
    assert.equal(written(status({ conditions: [other, one], paths }), steady), undefined);
  });

  it('takes fields back that hold no longer', () => {
    const stored = { ...status({ address: '198.18.0.1' }), conditions: [condition({ lastTransitionTime: earlier })] };
    const plan = written(status(), stored);
    assert.equal(plan !== undefined && 'address' in plan, false);
    assert.ok(plan !== undefined);
  });

  it('can wait when nothing but counts differs', () => {
    const stored = status({ conditions: [condition({ lastTransitionTime: earlier })], sessions: 3 });
    const more = planStatus(status({ sessions: 30 }), stored, now);
    assert.equal(more.kind === 'Write' && more.isCountsOnly, true);
    const generation = planStatus(status({ sessions: 30, observedGeneration: 2 }), stored, now);
    assert.equal(generation.kind === 'Write' && generation.isCountsOnly, false);
  });

  it('keeps the counts of targets and paths steady as well', () => {
    const target = { address: '10.0.0.1', port: 80, healthy: true, sessions: 100 };
    const stored = { ...status({ targets: [target] }), conditions: [condition({ lastTransitionTime: earlier })] };
    assert.equal(written(status({ targets: [{ ...target, sessions: 105 }] }), stored), undefined);
    assert.equal(written(status({ targets: [{ ...target, sessions: 200 }] }), stored)?.targets?.[0]?.sessions, 200);
    assert.equal(written(status({ targets: [{ ...target, healthy: false }] }), stored)?.targets?.[0]?.healthy, false);
  });

  it('is bounded, and what is wrong is never left out', () => {
    const targets = Array.from({ length: 300 }, (_, index) => {
      return { address: `10.0.${index >> 8}.${index & 255}`, healthy: index !== 299, sessions: 0 };
    });
    const kept = written(status({ targets }), undefined)?.targets ?? [];
    assert.equal(kept.length, 128);
    assert.deepEqual(kept.at(-1), targets[299]);
  });
});

describe('counts in a status', () => {
  it('have two digits', () => {
    assert.deepEqual([0, 7, 42, 1234, 98_765].map(roundedCount), [0, 7, 42, 1200, 99_000]);
  });

  it('move by a tenth or more, and between none and some', () => {
    assert.equal(steadyCount(undefined, 1234), 1200);
    assert.equal(steadyCount(1200, 1310), 1200);
    assert.equal(steadyCount(1200, 1390), 1400);
    assert.equal(steadyCount(1200, 900), 900);
    assert.equal(steadyCount(1, 0), 0);
    assert.equal(steadyCount(0, 1), 1);
    assert.equal(steadyCount(5, 6), 6);
  });
});

describe('events of a status', () => {
  it('tell what became true, once', () => {
    const programmed = condition({ type: 'Programmed', reason: 'Programmed' });
    assert.deepEqual(
      eventsOf([], [programmed, condition()]).map(({ type, reason }) => `${type} ${reason}`),
      ['Normal Ready'],
    );
    const notReady = condition({ status: 'False', reason: 'NoRoute' });
    assert.deepEqual(
      eventsOf([notReady], [programmed, notReady]).map(({ type, reason }) => `${type} ${reason}`),
      ['Normal Programmed'],
    );
    assert.deepEqual(eventsOf([programmed, condition()], [programmed, condition()]), []);
  });

  it('tell what is wrong, once for all conditions that say the same', () => {
    const wrong = { status: 'False', reason: 'UnknownTenant', message: 'no tenant x' } as const;
    const after = [condition({ ...wrong, type: 'ResolvedRefs' }), condition(wrong)];
    assert.deepEqual(eventsOf([condition()], after), [
      { type: 'Warning', reason: 'UnknownTenant', message: 'no tenant x' },
    ]);
    assert.deepEqual(eventsOf(after, after), []);
    const other = [condition({ ...wrong, reason: 'UnknownPeer' })];
    assert.equal(eventsOf(after, other).length, 1);
  });
});
