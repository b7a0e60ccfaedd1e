import type { Runnable } from 'mocha';

/** Adds a measured figure to the title of a scenario, so that the table tells it. */
export function tell(scenario: Runnable | undefined, figure: string): void {
  if (scenario !== undefined) scenario.title = `${scenario.title} (${figure})`;
}
