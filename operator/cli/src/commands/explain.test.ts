import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Explanation } from '@quiver/dataplane-api';
import { FakeNode } from '../testing/fake-node.ts';
import { runQuiver } from '../testing/run-quiver.ts';
import { sampleSession } from '../testing/sample-session.ts';
import { scratchFolder } from '../testing/scratch.ts';

const tenant = { step: 'tenant', passed: true, detail: '10.1.0.5 belongs to tenant office' };

describe('quiver explain', () => {
  const folder = scratchFolder();
  let node: FakeNode;

  beforeEach(async () => {
    node = await FakeNode.listen(join(folder(), 'a.sock'));
    node.explanation = Explanation.create({ verdict: 'Forwarded', steps: [tenant], session: sampleSession() });
  });
  afterEach(() => node.close());

  const run = (...args: string[]) => runQuiver(['explain', '--socket', join(folder(), 'a.sock'), ...args]);
  const toWeb = ['--from', '10.1.0.5', '--to', '198.18.0.80:80'];

  it('numbers the decisions and names the session that is there', async () => {
    const { code, stdout } = await run(...toWeb);
    assert.equal(code, 0);
    assert.equal(
      stdout,
      [
        '1. tenant   ok        10.1.0.5 belongs to tenant office',
        'Forwarded',
        'Session 6f1c2a34-0b1d-4c55-9f10-0a5b7c1d2e3f carries it now (Established, Clear).',
        '',
      ].join('\n'),
    );
  });

  it('fails with the decision that refuses, so that scripts can ask', async () => {
    const access = { step: 'access', passed: false, detail: 'no entry of prod/web admits tenant guests' };
    node.explanation = Explanation.create({ verdict: 'Denied', reason: 'access_denied', steps: [tenant, access] });
    const { code, stdout } = await run(...toWeb);
    assert.equal(code, 1);
    assert.equal(
      stdout,
      [
        '1. tenant   ok        10.1.0.5 belongs to tenant office',
        '2. access   refused   no entry of prod/web admits tenant guests',
        'Denied: access_denied',
        '',
      ].join('\n'),
    );
  });

  it('asks for TCP with a port, for ICMP without, and for what it is told', async () => {
    await run(...toWeb);
    await run('--from', '10.1.0.5', '--to', '198.18.0.80');
    await run('--from', '[2001:db8::5]:1000', '--to', '[2001:db8::80]:53', '--protocol', 'udp', '--interface', 'lan0');
    assert.deepEqual(node.requests, [
      { from: { address: '10.1.0.5', port: 0 }, to: { address: '198.18.0.80', port: 80 }, protocol: 6, interface: '' },
      { from: { address: '10.1.0.5', port: 0 }, to: { address: '198.18.0.80', port: 0 }, protocol: 1, interface: '' },
      {
        from: { address: '2001:db8::5', port: 1000 },
        to: { address: '2001:db8::80', port: 53 },
        protocol: 17,
        interface: 'lan0',
      },
    ]);
  });

  it('prints for programs, with the same exit code', async () => {
    node.explanation = Explanation.create({ verdict: 'Dropped', reason: 'no_path' });
    const { code, stdout } = await run(...toWeb, '-o', 'json');
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(stdout), { verdict: 'Dropped', reason: 'no_path' });
  });

  it('colours only where colours are welcome', async () => {
    const args = ['explain', '--socket', join(folder(), 'a.sock'), ...toWeb];
    assert.ok((await runQuiver(args, { hasColor: true })).stdout.includes('\u001b[32m'));
  });

  for (const [name, args] of Object.entries({
    'an address that is none': ['--from', '10.1.0.500', '--to', '198.18.0.80:80'],
    'a port that is too large': ['--from', '10.1.0.5', '--to', '198.18.0.80:70000'],
    'TCP without a port': ['--from', '10.1.0.5', '--to', '198.18.0.80', '--protocol', 'tcp'],
    'two address families': ['--from', '10.1.0.5', '--to', '[2001:db8::80]:80'],
    'a missing end': ['--from', '10.1.0.5'],
  })) {
    it(`refuses ${name} with exit code 2`, async () => {
      const { code, stderr } = await run(...args);
      assert.equal(code, 2);
      assert.match(stderr, /--from|--to/);
    });
  }
});
