import type { StatusReport } from './status-report.ts';

/** Where a status goes: a file and the terminal, or the API server. */
export interface StatusSink {
  /** Called for each status that differs from the one before, never twice at the same time. */
  write(status: StatusReport): Promise<void>;
}

/** Hands a status to several sinks. */
export function allOf(sinks: readonly StatusSink[]): StatusSink {
  return {
    write: async (status) => {
      await Promise.all(sinks.map((sink) => sink.write(status)));
    },
  };
}
