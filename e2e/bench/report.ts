import type { Figures, Results, Spread } from './rounds.ts';
import { sealedPeers, type WayName } from './ways/way.ts';

/** What two ways have to do with each other, from the medians of one run. */
export type Ratios = Readonly<Record<string, number>>;

type Measure = keyof Figures;

/** The ratios that are promised; those of ways that did not run are left out. */
export function ratiosOf(results: Results): Ratios {
  const value = (way: WayName, measure: Measure): number | undefined => results.get(way)?.[measure].median;
  const against = (measure: Measure, way: WayName, base: WayName): number | undefined =>
    divide(value(way, measure), value(base, measure));
  const clear = 'quiver-clear';
  const sealed = 'quiver-sealed';
  const ratios = {
    clearUserTcp1: against('tcp1', clear, 'routing'),
    clearUserTcp4: against('tcp4', clear, 'routing'),
    clearUserTcp1Wire: against('wireTcp1', clear, 'routing'),
    sealedTcp1: against('tcp1', sealed, 'routing'),
    sealedTcp1Wire: against('wireTcp1', sealed, 'routing'),
    sealedTcp1VsWireguard: divide(value(sealed, 'tcp1'), best(results, 'tcp1', 'highest')),
    sealedTcp4VsWireguard: divide(value(sealed, 'tcp4'), best(results, 'tcp4', 'highest')),
    sealedCpuPerGbVsWireguard: divide(value(sealed, 'cpuPerGb'), best(results, 'cpuPerGb', 'lowest')),
    sealedAddedRttVsPeer: addedRoundTrip(results),
    sealedConnRateVsPeer: divide(value(sealed, 'connections'), best(results, 'connections', 'highest')),
    compatTcp1: against('tcp1', 'quiver-compat', 'routing'),
    udp64User: against('udp64', clear, 'routing'),
    connRateUserVsNft: against('connections', clear, 'nft'),
  };
  return Object.fromEntries(
    Object.entries(ratios).flatMap(([name, ratio]) => (ratio === undefined ? [] : [[name, round(ratio)]])),
  );
}

/** Figures in units of their own. */
export function figuresOf(results: Results): Ratios {
  const routing = results.get('routing');
  const clear = results.get('quiver-clear');
  if (routing === undefined || clear === undefined) return {};
  return {
    addedLatencyUserUs: round((clear.pinnedP50.median - routing.pinnedP50.median) / 2),
    firstPacketUs: round(clear.firstPacketP50.median - routing.firstPacketP50.median),
  };
}

function best(results: Results, measure: Measure, which: 'highest' | 'lowest'): number | undefined {
  const values = sealedPeers.flatMap((peer) => results.get(peer)?.[measure].median ?? []);
  if (values.length === 0) return undefined;
  return which === 'highest' ? Math.max(...values) : Math.min(...values);
}

// What a way adds to plain routing is compared, not the sum: the two ends' own time is no merit of anybody.
function addedRoundTrip(results: Results): number | undefined {
  const plain = results.get('routing')?.pinnedP50.median;
  const own = results.get('quiver-sealed')?.pinnedP50.median;
  const peer = best(results, 'pinnedP50', 'lowest');
  if (plain === undefined || own === undefined || peer === undefined) return undefined;
  return divide(own - plain, peer - plain);
}

function divide(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined || other === 0 ? undefined : one / other;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

const columns: readonly (readonly [title: string, measure: Measure, digits: number])[] = [
  ['TCP 1 Gbit/s', 'tcp1', 2],
  ['TCP 4 Gbit/s', 'tcp4', 2],
  ['CPU-s/GB', 'cpuPerGb', 2],
  ['wire TCP 1', 'wireTcp1', 2],
  ['wire TCP 4', 'wireTcp4', 2],
  ['RTT pinned p50 us', 'pinnedP50', 1],
  ['p99', 'pinnedP99', 1],
  ['p99.9', 'pinnedP999', 1],
  ['RTT p50 us', 'freeP50', 1],
  ['first packet us', 'firstPacketP50', 1],
  ['conn/s', 'connections', 0],
  ['CPU us/conn', 'cpuPerConnection', 0],
  ['UDP 64 B /s', 'udp64', 0],
  ['UDP 1400 B /s', 'udp1400', 0],
];

/** A Markdown table: medians, with the lowest and the highest of the throughput beside it. */
export function tableOf(results: Results): string {
  const head = `| way | ${columns.map(([title]) => title).join(' | ')} |`;
  const line = `|---|${columns.map(() => '---').join('|')}|`;
  const rows = [...results].map(([name, figures]) => {
    const cells = columns.map(([, measure, digits]) => cell(figures[measure], digits, measure === 'tcp1'));
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  return [head, line, ...rows].join('\n');
}

function cell({ median, low, high }: Spread, digits: number, hasSpread: boolean): string {
  const text = median.toFixed(digits);
  return hasSpread ? `${text} (${low.toFixed(digits)}-${high.toFixed(digits)})` : text;
}
