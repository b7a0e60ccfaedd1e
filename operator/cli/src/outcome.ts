/** What a command that did its work has to say beside its output. */
export interface Outcome {
  exitCode: number;
}
