import type { Evidence } from './evidence.ts';

/** `Unknown`: it cannot be told from here; the text says what would tell. */
export type Result = 'Ok' | 'Warning' | 'Failed' | 'Unknown';

/** What a check found at one place. */
export interface Finding {
  readonly result: Result;
  /** What is so, with the names and values concerned. */
  readonly found: string;
  /** The way out; empty when nothing has to be done. */
  readonly remedy: string;
}

/** One thing that has to be right. Its name is stable: scripts and documents use it. */
export interface Check {
  readonly name: string;
  /** What it looks at, a sentence. */
  readonly about: string;
  /** What it looks at is told by nodes: without one that answers nothing can be said. */
  readonly isAboutNodes?: boolean;
  /** What it finds in a cluster; `others` are the further clusters that were asked, to compare with. */
  readonly run: (own: Evidence, others: readonly Evidence[]) => readonly Finding[];
}

export function ok(found: string): Finding {
  return { result: 'Ok', found, remedy: '' };
}

export function warning(found: string, remedy: string): Finding {
  return { result: 'Warning', found, remedy };
}

export function failed(found: string, remedy: string): Finding {
  return { result: 'Failed', found, remedy };
}

export function unknown(found: string, remedy: string): Finding {
  return { result: 'Unknown', found, remedy };
}

/** The findings, or that all is well when there is none. */
export function orOk(findings: readonly Finding[], found: string): readonly Finding[] {
  return findings.length === 0 ? [ok(found)] : findings;
}
