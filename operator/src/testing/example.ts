import assert from 'node:assert/strict';
import { loadCrds } from '../schema/index.ts';
import type { Snapshot } from '../source/resource-source.ts';
import { snapshotOfText } from './golden-case.ts';

export const crds = loadCrds();

export const routerYaml = `apiVersion: config.quiver.dev/v1alpha1
kind: RouterConfig
fabric: corp
router: site-a
nodes:
- {name: node1, waypoints: [{address: 203.0.113.11}]}
keySource: {type: SharedSecret, versions: [{version: 1, file: secret}], active: 1}
`;

export const tenantYaml = `apiVersion: quiver.dev/v1alpha1
kind: Tenant
metadata: {name: web.prod}
spec:
  members: [{cidrs: [10.1.0.0/24]}]
`;

export const serviceYaml = `apiVersion: quiver.dev/v1alpha1
kind: Service
metadata: {name: db, namespace: prod}
spec:
  ports: [{protocol: TCP, port: 5432}]
  access: [{tenant: web.prod}]
`;

export const routeYaml = `apiVersion: quiver.dev/v1alpha1
kind: ServiceRoute
metadata: {name: db, namespace: prod}
spec:
  service: db
  peers: [{name: site-b}]
`;

export const peerYaml = `apiVersion: quiver.dev/v1alpha1
kind: Peer
metadata: {name: site-b}
spec:
  router: site-b
  waypoints: [{name: node1, address: 203.0.113.21}]
`;

export const resourceYaml = [tenantYaml, serviceYaml, routeYaml, peerYaml].join('---\n');

/** A snapshot of the example router with these resources. */
export function exampleSnapshot(resources: string = resourceYaml, router: string = routerYaml): Snapshot {
  const { snapshot } = snapshotOfText(`${router}---\n${resources}`, crds);
  assert.ok(snapshot !== undefined);
  return snapshot;
}
