import type { Json } from '../../operator/src/schema/index.ts';
import { BAD_PREFIXES, badDurations, type Case, strings } from './case.ts';

const addresses = (cidr: string) => ({ addresses: [cidr] });
const sla = (field: string) => (text: string) => ({ path: { sla: { [field]: text } } });
const rate = (field: string) => (text: string) => ({ qos: { rate: { [field]: text } } });

function ports(refused: Json[], accepted: Json[], says: string): Case {
  return { says, refused: { ports: refused }, accepted: { ports: accepted } };
}

const PORT_CASES: readonly Case[] = [
  ports([{ protocol: 'ICMP', port: 8 }], [{ protocol: 'ICMP' }], 'port belongs to TCP and UDP only'),
  ports([{ protocol: 'UDP', endPort: 9 }], [{ protocol: 'UDP', port: 8, endPort: 9 }], 'endPort needs port'),
  ports(
    [{ protocol: 'TCP', port: 90, endPort: 80 }],
    [{ protocol: 'TCP', port: 80, endPort: 90 }],
    'endPort 80 is below port 90: exchange the two',
  ),
  ports([{ protocol: 'IP' }], [{ protocol: 'IP', number: 47 }], 'number is missing for protocol IP'),
  ports([{ protocol: 'TCP', number: 6 }], [{ protocol: 'TCP' }], 'number belongs to protocol IP only'),
  ports([{ protocol: 'IP', number: 17 }], [{ protocol: 'UDP' }], 'number must not be that of ICMP, TCP, UDP or ICMPv6'),
  ports(
    [
      { protocol: 'TCP', port: 80, endPort: 90 },
      { protocol: 'TCP', port: 85 },
    ],
    [
      { protocol: 'TCP', port: 80, endPort: 90 },
      { protocol: 'UDP', port: 85 },
    ],
    'ports has two entries of one protocol that overlap',
  ),
  ports(
    [{ protocol: 'TCP' }, { protocol: 'TCP', port: 85 }],
    [
      { protocol: 'TCP', port: 84 },
      { protocol: 'TCP', port: 85 },
    ],
    'ports has two entries of one protocol that overlap',
  ),
  ports([{ protocol: 'ICMP' }, { protocol: 'ICMP' }], [{ protocol: 'ICMP' }, { protocol: 'TCP' }], 'that overlap'),
  ports(
    [
      { protocol: 'IP', number: 47 },
      { protocol: 'IP', number: 47 },
    ],
    [
      { protocol: 'IP', number: 47 },
      { protocol: 'IP', number: 132 },
    ],
    'that overlap',
  ),
];

export const SERVICE_CASES: readonly Case[] = [
  { says: 'metadata.name must be up to 63 lower-case letters', name: 'db.prod', refused: {}, accepted: {} },
  ...strings(addresses, '198.51.100.7/32', BAD_PREFIXES),
  ...strings(addresses, '2001:db8::/64', [
    ['169.254.1.0/24', 'is a link-local prefix'],
    ['fe80::/64', 'is a link-local prefix'],
  ]),
  {
    says: 'addresses has a prefix that lies inside another one',
    refused: { addresses: ['198.51.100.0/24', '198.51.100.7/32'] },
    accepted: { addresses: ['198.51.100.0/24', '198.51.101.7/32', '2001:db8::/64'] },
  },
  ...PORT_CASES,
  {
    says: 'tenant is no tenant name',
    refused: { access: [{ tenant: 'prod/web' }] },
    accepted: { access: [{ tenant: 'web.prod' }] },
  },
  ...strings(sla('maxLoss'), '0.5%', [
    ['0.5', 'maxLoss must be a percentage'],
    ['101%', 'maxLoss must be a percentage'],
  ]),
  ...strings(sla('maxLatency'), '250ms', badDurations('0ms', '11s')),
  ...strings(sla('maxJitter'), '100ms', badDurations('0ms', '10s1ms')),
  ...strings(sla('minMos'), '3.8', [
    ['5.1', 'minMos must be a score from 1 to 5'],
    ['good', 'minMos must be a score from 1 to 5'],
  ]),
  {
    says: 'bestEffort needs sla beside it',
    refused: { path: { bestEffort: true } },
    accepted: { path: { bestEffort: true, sla: { maxLoss: '1%' } } },
  },
  {
    says: 'minMos is computed from loss, latency and jitter',
    refused: { path: { sla: { maxLoss: '1%', maxLatency: '250ms', maxJitter: '50ms', minMos: '3.8' } } },
    accepted: { path: { sla: { maxLoss: '1%', maxLatency: '250ms', maxJitter: '50ms' } } },
  },
  ...strings(rate('perSession'), '10Mbps', [
    ['10MB', 'perSession must be a whole number with bps'],
    ['0Mbps', 'perSession must be a whole number with bps'],
  ]),
  ...strings(rate('total'), '1Gbps', [['1.5Gbps', 'total must be a whole number with bps']]),
  ...strings((text) => ({ sessions: { idleTimeout: text } }), '1900s', badDurations('999ms', '25h')),
  {
    says: 'address Auto takes an address from the servicePool',
    refused: { address: 'Auto', addresses: ['198.51.100.7/32'] },
    accepted: { addresses: ['198.51.100.7/32'] },
  },
  {
    says: 'address Fixed needs addresses',
    refused: { address: 'Fixed' },
    accepted: { address: 'Fixed', addresses: ['198.51.100.7/32'] },
  },
  {
    says: 'access has only Deny entries',
    refused: { access: [{ tenant: 'guests', action: 'Deny' }] },
    accepted: { access: [{ tenant: 'guests', action: 'Deny' }], scope: 'Public' },
  },
  {
    says: 'access admits tenants one by one although scope Public',
    refused: { access: [{ tenant: 'prod' }], scope: 'Public' },
    accepted: { access: [{ tenant: 'prod' }] },
  },
];
