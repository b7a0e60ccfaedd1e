import type { Endpoint } from '@quiver/dataplane-api';
import type { SeenTwice } from './restart.ts';

/** The path of one session, with the addresses and ports that each part of it has. */
export function drawPath({ ingress, egress }: SeenTwice): string {
  const left = text(ingress.serverHop?.local);
  const right = text(ingress.serverHop?.remote);
  const boxes = [
    ['site A', 'client', text(ingress.client), `to ${text(ingress.serviceAddress)}`],
    ['', 'router a1', `tenant ${ingress.tenant}`, ingress.role],
    ['', 'router b1', `service ${egress.service}`, egress.role],
    ['site B', 'server', text(egress.target), `from ${text(egress.source)}`],
  ];
  const widths = boxes.map((box) => Math.max(...box.map((line) => line.length)));
  const rows = [0, 1, 2, 3].map((row) => boxes.map((box, index) => (box[row] ?? '').padEnd(widths[index] ?? 0)));
  const wires = ['', '──────', '', ''];
  const lines = rows.map((cells, row) => cells.join(`  ${(wires[row] ?? '').padEnd(6)}  `).trimEnd());
  return [
    ...lines,
    '',
    `between the routers   ${left} ◄──► ${right}   (${ingress.serverHop?.transport ?? '?'}, ${ingress.security})`,
    `session id at a1      ${ingress.sessionId}`,
    `session id at b1      ${egress.sessionId}`,
  ].join('\n');
}

function text(endpoint: Endpoint | undefined): string {
  if (endpoint === undefined) return '?';
  const { address, port } = endpoint;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
