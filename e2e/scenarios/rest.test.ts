import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { release } from '../cluster/install.ts';
import { eventually, now } from '../harness/eventually.ts';
import { scenarioTime } from './support/fabric.ts';
import { LiveConnections } from './support/live-connections.ts';
import { Shop } from './support/shop.ts';

/** Milliseconds without a write after which all is told; counts of sessions are told every 30 s at most. */
const SETTLED = 40_000;
/** Milliseconds of watching; sessions live all the time. */
const WATCHED = 90_000;

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource: string;
    readonly name?: string;
    readonly subresource?: string;
  };
}

describe('at rest', function () {
  this.timeout(scenarioTime);
  let shop: Shop;

  before(async () => {
    shop = await Shop.open({ name: 'rest' });
  });
  after(() => shop?.close());

  it('nothing is written but the lease', async () => {
    const { alpha } = shop.fabric;
    const { namespace } = shop;
    const options = { namespace, name: 'live', host: 'echo', port: 7, count: 5, node: 'alpha2' };
    const live = await LiveConnections.open(alpha, options);
    const log = alpha.cluster.controlPlane.auditLog;
    const settled = await eventually('no status is written any more', quietLength(log), {
      within: 180_000,
      every: SETTLED,
    });
    const begin = now();
    await live.reports('go on', ({ silence }) => now() - begin > WATCHED && silence < 1000, WATCHED + 10_000);
    const writes = ownWrites(readFileSync(log, 'utf8').slice(settled));
    const others = writes.filter(({ objectRef }) => objectRef?.resource !== 'leases');
    const told = others.map(({ verb, objectRef }) =>
      [verb, objectRef?.apiGroup, objectRef?.resource, objectRef?.name, objectRef?.subresource].join(' '),
    );
    assert.deepEqual(told, []);
    assert.ok(writes.length > 0, 'not even the lease was renewed, so nothing was seen');
  });
});

/** Gives the length of the log when nothing but leases was written since the last look. */
function quietLength(log: string): () => number | undefined {
  let seen = 0;
  return () => {
    const text = readFileSync(log, 'utf8');
    const writes = ownWrites(text.slice(seen)).filter(({ objectRef }) => objectRef?.resource !== 'leases');
    const isFirst = seen === 0;
    seen = text.length;
    return !isFirst && writes.length === 0 ? seen : undefined;
  };
}

function ownWrites(text: string): AuditEvent[] {
  const account = `system:serviceaccount:${release.namespace}:`;
  const events = text.split('\n').flatMap((line) => (line.endsWith('}') ? (JSON.parse(line) as AuditEvent) : []));
  return events.filter(
    ({ verb, user }) => user.username.startsWith(account) && !['get', 'list', 'watch'].includes(verb),
  );
}
