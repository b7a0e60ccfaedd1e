import assert from 'node:assert/strict';
import { type LocalPod, NodeConfig, Tenant } from '@quiver/dataplane-api';
import type { Binding } from './binding.ts';
import { addressesOf, withPods } from './members.ts';

function pod(uid: string, tenant: string, ...addresses: string[]): LocalPod {
  return { uid, namespace: 'prod', name: `pod-${uid}`, tenant, addresses };
}

let order = 0;
function binding(uid: string, addresses: readonly string[], more: Partial<Binding> = {}): Binding {
  order += 1;
  const names = { containerId: `c-${uid}-${order}`, interface: 'eth0', namespace: 'prod', name: `pod-${uid}` };
  return { ...names, uid, addresses, order, isEnded: false, ...more };
}

function members(pods: LocalPod[], bindings: Binding[] = [], tenants = [Tenant.create({ name: 'web' })]) {
  const config = withPods(NodeConfig.create({ pods, tenants }), bindings);
  return Object.fromEntries(config.tenants.map(({ name, members: of }) => [name, of.map(({ cidr }) => cidr)]));
}

describe('the addresses of pods', () => {
  it('are members of their tenants, sorted, beside the members written by hand', () => {
    const web = Tenant.create({ name: 'web', members: [{ cidr: '192.0.2.0/24', interface: '' }] });
    const pods = [pod('1', 'web', '10.1.0.9', '2001:DB8::9'), pod('2', 'web', '10.1.0.4'), pod('3', '', '10.1.0.5')];
    assert.deepEqual(members(pods, [], [web]), {
      web: ['192.0.2.0/24', '10.1.0.4/32', '10.1.0.9/32', '2001:db8::9/128'],
    });
  });

  it('are those of the runtime before the API server knows any, and instead of them', () => {
    const bound = [binding('1', ['10.1.0.7', 'fd00::7'])];
    assert.deepEqual(members([pod('1', 'web')], bound), { web: ['10.1.0.7/32', 'fd00::7/128'] });
    assert.deepEqual(addressesOf(pod('1', 'web', '10.9.9.9'), bound), ['10.1.0.7', 'fd00::7']);
  });

  it('are none when the interface is gone, whatever the API server still says', () => {
    const gone = binding('1', ['10.1.0.7'], { isEnded: true });
    assert.deepEqual(members([pod('1', 'web', '10.1.0.7')], [gone]), { web: [] });
  });

  it('are those of the newest sandbox', () => {
    const [former, newer] = [binding('1', ['10.1.0.7']), binding('1', ['10.1.0.8'])];
    assert.deepEqual(members([pod('1', 'web')], [newer, former]), { web: ['10.1.0.8/32'] });
    assert.deepEqual(members([pod('1', 'web')], [newer, { ...former, isEnded: true }]), { web: ['10.1.0.8/32'] });
  });

  it('are those of all interfaces', () => {
    const bound = [binding('1', ['10.1.0.7']), binding('1', ['10.2.0.7'], { interface: 'net1' })];
    assert.deepEqual(members([pod('1', 'web')], bound), { web: ['10.1.0.7/32', '10.2.0.7/32'] });
  });

  it('belong to the pod that got them last', () => {
    const pods = [pod('1', 'web', '10.1.0.7'), pod('2', 'db', '10.1.0.7')];
    const tenants = [Tenant.create({ name: 'db' }), Tenant.create({ name: 'web' })];
    const [first, second] = [binding('1', ['10.1.0.7']), binding('2', ['10.1.0.7'])];
    assert.deepEqual(members(pods, [first, second], tenants), { db: ['10.1.0.7/32'], web: [] });
    assert.deepEqual(members(pods, [first], tenants), { db: [], web: ['10.1.0.7/32'] });
    assert.deepEqual(members([pod('1', 'web'), pod('2', '')], [first, second]), { web: [] });
  });

  it('belong to nobody when only the API server gives them, to two tenants', () => {
    const pods = [pod('1', 'web', '10.1.0.7'), pod('2', 'db', '10.1.0.7')];
    const tenants = [Tenant.create({ name: 'db' }), Tenant.create({ name: 'web' })];
    assert.deepEqual(members(pods, [], tenants), { db: [], web: [] });
    assert.deepEqual(members([pod('1', 'web', '10.1.0.7'), pod('2', 'web', '10.1.0.7')]), { web: ['10.1.0.7/32'] });
  });

  it('belong to the pod where another tenant names the very address, and not by an interface', () => {
    const address = { cidr: '10.1.0.7/32', interface: '' };
    const guests = Tenant.create({ name: 'guests', members: [address, { cidr: '10.1.0.0/24', interface: '' }] });
    const lan = Tenant.create({ name: 'lan', members: [{ cidr: '10.1.0.7/32', interface: 'lan0' }] });
    assert.deepEqual(members([pod('1', 'web', '10.1.0.7')], [], [guests, lan, Tenant.create({ name: 'web' })]), {
      guests: ['10.1.0.0/24'],
      lan: ['10.1.0.7/32'],
      web: ['10.1.0.7/32'],
    });
    assert.deepEqual(members([pod('1', 'guests', '10.1.0.7')], [], [guests]), {
      guests: ['10.1.0.7/32', '10.1.0.0/24'],
    });
  });

  it('of a runtime that gives no uid go to the pod of that name', () => {
    const bound = binding('', ['10.1.0.7'], { name: 'pod-1' });
    assert.deepEqual(members([pod('1', 'web')], [bound]), { web: ['10.1.0.7/32'] });
    assert.deepEqual(members([pod('2', 'web')], [bound]), { web: [] });
  });

  it('are not had by a pod that only says it had the uid of another', () => {
    const bound = binding('1', ['10.1.0.7']);
    assert.deepEqual(members([{ ...pod('1', 'web'), name: 'thief' }], [bound]), { web: [] });
    assert.deepEqual(members([{ ...pod('1', 'web'), namespace: 'other' }], [bound]), { web: [] });
  });

  it('make a tenant that has no other member', () => {
    assert.deepEqual(members([pod('1', 'db', '10.1.0.7')]), { db: ['10.1.0.7/32'], web: [] });
  });

  it('change nothing else', () => {
    const config = NodeConfig.create({ tenants: [Tenant.create({ name: 'b' }), Tenant.create({ name: 'a' })] });
    assert.equal(withPods(config, [binding('1', ['10.1.0.7'])]), config);
  });
});
