import assert from 'node:assert/strict';
import {
  type ConfFile,
  chainedConfiguration,
  isConfiguration,
  isOwn,
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
      { name: '05-broken.conflist', text: '{' },
      { name: '06-empty.conflist', text: '{"name": "x", "plugins": []}' },
      list('10-first.json', 'cilium-cni'),
      list('01-hidden.conflist.bak', 'bridge'),
    ];
    assert.equal(primaryOf(files)?.name, '10-first.json');
    assert.equal(primaryOf([ours]), undefined);
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
