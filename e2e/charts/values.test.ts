import assert from 'node:assert/strict';
import { helms, MINIMUM, RenderRefused, renderWith } from './render.ts';

interface Refusal {
  readonly title: string;
  readonly values: object;
  /** As Helm 4 writes it; Helm 3 uses dots. */
  readonly path: string;
  readonly says: RegExp;
}

const OTHER = 'another-secret-of-32-characters-or-more';

function secret(fabricSecret: object): object {
  return { ...MINIMUM, fabricSecret };
}

function refusal(title: string, values: object, path: string, says: RegExp): Refusal {
  return { title, values, path, says };
}

const REFUSALS: readonly Refusal[] = [
  refusal(
    'no fabric',
    { ...MINIMUM, fabric: '' },
    '/fabric',
    /the same at every router of the fabric \(--set fabric=NAME\)/,
  ),
  refusal(
    'no router',
    { ...MINIMUM, router: '' },
    '/router',
    /which no other router of the fabric has \(--set router=NAME\)/,
  ),
  refusal(
    'a fabric in capitals',
    { ...MINIMUM, fabric: 'Acme' },
    '/fabric',
    /lower-case letters, digits, dashes and dots/,
  ),
  refusal('no secret', secret({}), '/fabricSecret/value', /openssl rand -hex 32.*or set fabricSecret\.existingSecret/),
  refusal('a short secret', secret({ value: 'short' }), '/fabricSecret/value', /a secret of 32 characters or more/),
  refusal(
    'two secrets',
    secret({ value: OTHER, existingSecret: 'mine' }),
    '/fabricSecret/existingSecret',
    /only one of both can be the secret/,
  ),
  refusal(
    'versions beside a Secret of the user',
    secret({ existingSecret: 'mine', others: { '2': OTHER } }),
    '/fabricSecret/others',
    /add versions as keys of that Secret/,
  ),
  refusal('an unknown value', { ...MINIMUM, fabrik: 'acme' }, '', /fabrik/),
  refusal('an unknown value further in', { ...MINIMUM, operator: { image: { tga: 'x' } } }, '/operator/image', /tga/),
  refusal('an unknown mode', { ...MINIMUM, cni: { mode: 'Chaned' } }, '/cni/mode', /'Chained', 'Primary', 'Off'/),
  refusal(
    'a relative folder',
    { ...MINIMUM, cni: { binDir: 'opt/cni/bin' } },
    '/cni/binDir',
    /an absolute path on the nodes/,
  ),
  refusal('an MTU below that of IPv6', { ...MINIMUM, cni: { mtu: 576 } }, '/cni/mtu', /from 1280 to 65535, or 0/),
  refusal(
    'an address without length',
    { ...MINIMUM, routerConfig: { servicePool: ['198.18.0.0'] } },
    '/routerConfig/servicePool/0',
    /a prefix with its length, for example/,
  ),
  refusal(
    'a digest without algorithm',
    { ...MINIMUM, agent: { image: { digest: '0123' } } },
    '/agent/image/digest',
    /sha256:… with 64 hexadecimal digits/,
  ),
  refusal('a number in words', { ...MINIMUM, operator: { replicas: 'two' } }, '/operator/replicas', /integer/),
  refusal('two agents on one node', { ...MINIMUM, agent: surge() }, '/agent/updateStrategy/rollingUpdate', /maxSurge/),
];

function surge(): object {
  return { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } };
}

/** Found by templates, which see two values at once. */
const CONTRADICTIONS: readonly (readonly [title: string, values: object, says: RegExp])[] = [
  [
    'too few waypoint ports',
    { ...MINIMUM, routerConfig: { waypointPorts: { first: 20000, last: 20010 } } },
    /routerConfig\.waypointPorts holds fewer than 64 ports: widen first and last/,
  ],
  [
    'one version of the secret twice',
    secret({ value: OTHER, version: 2, others: { '2': OTHER } }),
    /fabricSecret\.others has version 2, which is the one of fabricSecret\.value/,
  ],
  [
    'monitors without the Prometheus operator',
    { ...MINIMUM, metrics: { podMonitor: { enabled: true } } },
    /metrics\.podMonitor\.enabled is true, but the cluster has no kind PodMonitor: install the Prometheus operator/,
  ],
];

async function refused(helm: string, values: object): Promise<string> {
  const outcome = await renderWith(helm, { values }).catch((error: unknown) => error);
  assert.ok(outcome instanceof RenderRefused, 'it was accepted');
  return outcome.message;
}

describe('values that cannot work', () => {
  for (const { title, values, path, says } of REFUSALS) {
    it(`are refused with path and sentence: ${title}`, async () => {
      const [three, four] = [...(await helms()).values()].map((helm) => refused(helm, values));
      const newer = (await four) ?? '';
      assert.match(newer, says);
      assert.ok(newer.includes(`at '${path}'`), newer);
      const older = (await three) ?? '';
      assert.match(older.replaceAll('"', "'"), says);
      assert.ok(older.includes(`- ${path === '' ? '(root)' : path.slice(1).replaceAll('/', '.')}: `), older);
    });
  }

  for (const [title, values, says] of CONTRADICTIONS) {
    it(`are refused with a sentence: ${title}`, async () => {
      for (const helm of (await helms()).values()) assert.match(await refused(helm, values), says);
    });
  }
});

describe('values that work', () => {
  const accepted: Readonly<Record<string, object>> = {
    'the minimum': MINIMUM,
    'a Secret of the user': secret({ existingSecret: 'mine' }),
    'a mode that YAML reads as a boolean': { ...MINIMUM, cni: { mode: false }, routerConfig: { fastPath: false } },
    'what parents of the chart say to all of their charts': {
      ...MINIMUM,
      global: { registry: 'registry.example.com' },
    },
    'an update strategy without rolling': {
      ...MINIMUM,
      agent: { updateStrategy: { type: 'OnDelete', rollingUpdate: null } },
    },
  };
  for (const [title, values] of Object.entries(accepted)) {
    it(`are accepted by Helm 3 and 4: ${title}`, async () => {
      for (const helm of (await helms()).values()) assert.notDeepEqual(await renderWith(helm, { values }), []);
    });
  }
});
