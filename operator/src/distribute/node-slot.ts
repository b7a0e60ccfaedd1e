import type { PathReport, Rejected, Report } from '@quiver/dataplane-api';
import type { NodeReport } from '../conditions/node-report.ts';
import type { ProjectedNode } from '../project/node-config.ts';

/** A configuration with the version under which it is sent. */
export interface Versioned {
  readonly version: bigint;
  readonly projected: ProjectedNode;
}

/** Versions whose answer is still awaited, at most. */
const maxUnanswered = 4;

/** What one node shall run, what it was sent, and what it answered. Holds no connection. */
export class NodeSlot {
  readonly node: string;
  #latest: Versioned;
  #acknowledged: ProjectedNode | undefined;
  #rejected: readonly Rejected[] = [];
  #report: Report | undefined;
  readonly #sent = new Map<bigint, ProjectedNode>();

  constructor(projected: ProjectedNode) {
    this.node = projected.node;
    this.#latest = { version: 1n, projected };
  }

  get latest(): Versioned {
    return this.#latest;
  }

  /** Takes a new configuration; true when it differs from the one before. */
  offer(projected: ProjectedNode): boolean {
    if (projected.digest === this.#latest.projected.digest) return false;
    this.#latest = { version: this.#latest.version + 1n, projected };
    this.#rejected = [];
    return true;
  }

  /** A node connects and says what it runs. */
  resume(digest: string): void {
    const known = [this.#latest.projected, this.#acknowledged];
    this.#acknowledged = known.find((projected) => projected?.digest === digest);
    this.#rejected = [];
  }

  sent({ version, projected }: Versioned): void {
    this.#sent.set(version, projected);
    // A node that answers nothing for so many changes would answer an older one in vain.
    const [oldest] = this.#sent.keys();
    if (this.#sent.size > maxUnanswered && oldest !== undefined) this.#sent.delete(oldest);
  }

  /** An answer to a version that was never sent is ignored, as is one to a version already answered. */
  acknowledge(version: bigint): boolean {
    const projected = this.#answered(version);
    if (projected === undefined) return false;
    this.#acknowledged = projected;
    if (version === this.#latest.version) this.#rejected = [];
    return true;
  }

  reject(version: bigint, reasons: readonly Rejected[]): boolean {
    const projected = this.#answered(version);
    if (projected === undefined) return false;
    const unnamed = { code: 'Rejected', field: '', message: 'no reason was given' };
    if (version === this.#latest.version) this.#rejected = reasons.length > 0 ? reasons : [unnamed];
    return true;
  }

  observe(report: Report): void {
    this.#report = report;
  }

  /** A stream ended: what it was sent is not answered any more. */
  disconnect(): void {
    this.#sent.clear();
  }

  get report(): Report | undefined {
    return this.#report;
  }

  describe(isConnected: boolean): NodeReport {
    const paths: readonly PathReport[] = this.#report?.paths ?? [];
    return {
      node: this.node,
      wanted: this.#latest.projected.config,
      acknowledged: this.#acknowledged?.config,
      rejected: this.#rejected,
      isConnected,
      paths,
    };
  }

  // Versions are answered in order, so an answer settles all older ones.
  #answered(version: bigint): ProjectedNode | undefined {
    const projected = this.#sent.get(version);
    if (projected === undefined) return undefined;
    for (const older of this.#sent.keys()) if (older <= version) this.#sent.delete(older);
    return projected;
  }
}
