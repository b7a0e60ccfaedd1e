import { BAD_PREFIXES, type Case, strings } from './case.ts';

const cidrs = (cidr: string) => ({ members: [{ cidrs: [cidr] }] });

function selectorCases(selector: 'namespaceSelector' | 'podSelector'): Case[] {
  const expression = (one: Record<string, string | string[]>) => ({
    members: [{ [selector]: { matchExpressions: [one] } }],
  });
  return [
    {
      says: `${selector}.matchLabels has a value that no label can have`,
      refused: { members: [{ [selector]: { matchLabels: { app: 'a b' } } }] },
      accepted: { members: [{ [selector]: { matchLabels: { app: 'a.b' } } }] },
    },
    {
      says: `${selector}.matchExpressions key is no label name`,
      refused: expression({ key: 'Example.com/app', operator: 'Exists' }),
      accepted: expression({ key: 'example.com/app', operator: 'Exists' }),
    },
    {
      says: 'with operator In or NotIn needs values',
      refused: expression({ key: 'app', operator: 'In' }),
      accepted: expression({ key: 'app', operator: 'In', values: ['web'] }),
    },
    {
      says: 'with operator Exists or DoesNotExist takes no values',
      refused: expression({ key: 'app', operator: 'Exists', values: ['web'] }),
      accepted: expression({ key: 'app', operator: 'DoesNotExist' }),
    },
  ];
}

const account = (namespace: string, name: string) => ({ members: [{ serviceAccounts: [{ namespace, name }] }] });

export const TENANT_CASES: readonly Case[] = [
  { says: 'metadata.name must be up to 8 labels', name: 'Web.prod', refused: {}, accepted: {} },
  { says: 'metadata.name must be up to 8 labels', name: 'a.b.c.d.e.f.g.h.i', refused: {}, accepted: {} },
  {
    says: 'metadata.name must not be longer than 128 characters',
    name: ['a', 'b', 'c'].map((letter) => letter.repeat(60)).join('.'),
    refused: {},
    accepted: {},
  },
  ...strings(cidrs, '192.0.2.0/24', BAD_PREFIXES),
  ...strings(cidrs, '2001:db8::/64', [['2001:db8::1/64', 'did you mean 2001:db8::/64?']]),
  ...selectorCases('namespaceSelector'),
  ...selectorCases('podSelector'),
  {
    says: 'serviceAccounts namespace is no namespace name',
    refused: account('Prod', 'web'),
    accepted: account('prod', 'web'),
  },
  {
    says: 'serviceAccounts name is no service account name',
    refused: account('prod', 'web_1'),
    accepted: account('prod', 'web.1'),
  },
  {
    says: 'interface is no interface name',
    refused: { members: [{ cidrs: ['10.0.0.0/8'], interface: 'lan 0' }] },
    accepted: { members: [{ cidrs: ['10.0.0.0/8'], interface: 'lan0' }] },
  },
  {
    says: 'members has an entry that says nothing',
    refused: { members: [{}] },
    accepted: { members: [] },
  },
  {
    says: 'interface needs cidrs beside it',
    refused: { members: [{ interface: 'lan0' }] },
    accepted: { members: [{ interface: 'lan0', cidrs: ['0.0.0.0/0', '::/0'] }] },
  },
  {
    says: 'members has an entry with cidrs beside pods',
    refused: { members: [{ cidrs: ['10.0.0.0/8'], podSelector: {} }] },
    accepted: { members: [{ cidrs: ['10.0.0.0/8'] }, { podSelector: {} }] },
  },
  {
    says: 'members has an entry with serviceAccounts beside selectors',
    refused: { members: [{ serviceAccounts: [{ namespace: 'prod', name: 'web' }], namespaceSelector: {} }] },
    accepted: { members: [{ serviceAccounts: [{ namespace: 'prod', name: 'web' }] }, { namespaceSelector: {} }] },
  },
];
