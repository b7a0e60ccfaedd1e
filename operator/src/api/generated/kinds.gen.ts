// Generated from crds/ by `npm run gen`. Do not edit.

import type { Peer } from './peer.gen.ts';
import type { ServiceRoute } from './serviceroute.gen.ts';
import type { SvrService } from './service.gen.ts';
import type { Tenant } from './tenant.gen.ts';

export const GROUP = 'quiver.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = 'quiver.dev/v1alpha1';

/** What the API server has to know about each kind. */
export const KINDS = {
  Peer: { kind: 'Peer', plural: 'peers', shortName: 'qpeer', scope: 'Cluster' },
  ServiceRoute: { kind: 'ServiceRoute', plural: 'serviceroutes', shortName: 'qroute', scope: 'Namespaced' },
  Service: { kind: 'Service', plural: 'services', shortName: 'qsvc', scope: 'Namespaced' },
  Tenant: { kind: 'Tenant', plural: 'tenants', shortName: 'qtenant', scope: 'Cluster' },
} as const;

export type Kind = keyof typeof KINDS;

/** An object of any of our kinds. */
export type QuiverObject = Peer | ServiceRoute | SvrService | Tenant;
