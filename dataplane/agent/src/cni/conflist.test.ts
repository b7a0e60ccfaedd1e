import assert from 'node:assert/strict';
import {
  type ConfFile,
  chainedConfiguration,
  isChained,
  isConfiguration,
  isOwn,
  isSameConfiguration,
  primaryConfiguration,
  primaryOf,
} from './conflist.ts';

const socket = '/run/quiver/cni.sock';
const settings = { mode: 'Chained', socket } as const;

const list = (name: string, ...types: string[]): ConfFile => {
  const plugins = types.map((type) => ({ type, capabilities: { portMappings: true } }));
  return { name, text: JSON.stringify({ cniVersion: '1.0.0', name: 'pods', disableCheck: true, plugins }) };
};

describe('the configuration of the container runtime', () => {
  it('is the primary one, with our plugin behind the others and everything else as it was', () => {
    const made = chainedConfiguration(list('10-bridge.conflist', 'bridge', 'portmap'), settings);
    assert.equal(made?.name, '00-quiver.conflist');
    assert.deepEqual(JSON.parse(made.text), {
      cniVersion: '1.0.0',
      name: 'pods',
      disableCheck: true,
      plugins: [
        { type: 'bridge', capabilities: { portMappings: true } },
        { type: 'portmap', capabilities: { portMappings: true } },
        { type: 'quiver-cni', mode: 'Chained', socket },
      ],
    });
    assert.ok(isOwn(made));
  });

  it('may be a single plugin, of which a list is made', () => {
    const text = JSON.stringify({ cniVersion: '0.3.1', name: 'pods', type: 'ptp', ipam: { type: 'host-local' } });
    const made = chainedConfiguration({ name: '10-ptp.conf', text }, settings);
    assert.deepEqual(JSON.parse(made?.text ?? ''), {
      cniVersion: '0.3.1',
      name: 'pods',
      plugins: [
        { type: 'ptp', ipam: { type: 'host-local' } },
        { type: 'quiver-cni', mode: 'Chained', socket },
      ],
    });
  });

  it('is chosen as the runtime would choose it without us', () => {
    const ours = chainedConfiguration(list('10-a.conflist', 'bridge'), settings) as ConfFile;
    const files = [
      list('20-later.conflist', 'bridge'),
      ours,
      { name: '06-empty.conflist', text: '{"name": "x", "plugins": []}' },
      { name: '07-loopback.conf', text: '{"name": "lo", "type": "loopback"}' },
      list('10-first.json', 'cilium-cni'),
      list('01-hidden.conflist.bak', 'bridge'),
    ];
    const found = primaryOf(files);
    assert.equal(found.kind === 'Found' && found.file.name, '10-first.json');
    assert.deepEqual(primaryOf([ours]), { kind: 'None' });
    for (const text of ['', '{"name": "x", "plu', '[]', '{"plugins": [{}]}']) {
      const name = '05-half.conflist';
      assert.deepEqual(primaryOf([...files, { name, text }]), { kind: 'Unreadable', name });
    }
  });

  it('is ours by name and content, or by name where it was damaged', () => {
    const byHand = list('10-mynet.conflist', 'bridge', 'quiver-cni');
    assert.deepEqual([isOwn(byHand), isChained(byHand)], [false, true]);
    assert.equal(isOwn(list('00-quiver.conflist', 'bridge')), false);
    assert.equal(isOwn(list('00-quiver.conflist', 'bridge', 'quiver-cni')), true);
    assert.equal(isOwn({ name: '00-quiver.conflist', text: '{' }), true);
  });

  it('keeps what others put behind our plugin, until the primary has it', () => {
    const edited = list('00-quiver.conflist', 'bridge', 'quiver-cni', 'istio-cni');
    const types = (source: ConfFile) => {
      const made = JSON.parse(chainedConfiguration(source, settings, edited)?.text ?? '{}') as typeof parsed;
      return made.plugins.map(({ type }) => type);
    };
    const parsed = { plugins: [{ type: '' }] };
    assert.deepEqual(types(list('10-a.conflist', 'bridge', 'portmap')), [
      'bridge',
      'portmap',
      'quiver-cni',
      'istio-cni',
    ]);
    assert.deepEqual(types(list('10-a.conflist', 'bridge', 'istio-cni')), ['bridge', 'istio-cni', 'quiver-cni']);
    const pretty = { ...edited, text: JSON.stringify(JSON.parse(edited.text), undefined, 4) };
    assert.equal(isSameConfiguration(pretty, edited), true);
    assert.equal(isSameConfiguration(undefined, edited), false);
  });

  it('sorts before the primary one, whatever that is called', () => {
    const names = ['10-x.conflist', '00-x.conflist', '00-a.conflist', '00-0-a.conflist', '0-x.conflist', '0-a.conf'];
    for (const name of names) {
      const made = chainedConfiguration(list(name, 'bridge'), settings);
      assert.ok(made !== undefined && made.name < name && isConfiguration(made.name), name);
    }
    assert.equal(chainedConfiguration(list('!.conflist', 'bridge'), settings), undefined);
  });

  it('of a network of our own has host ports where the plugin for them is there', () => {
    const primary = { mode: 'Primary', socket } as const;
    const types = [true, false].map((has) => {
      const made = JSON.parse(primaryConfiguration(primary, has).text) as { plugins: { type: string }[] };
      return made.plugins.map(({ type }) => type);
    });
    assert.deepEqual(types, [['quiver-cni', 'portmap'], ['quiver-cni']]);
  });
});
