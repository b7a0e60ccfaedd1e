/** A timer that can be stopped. */
export interface Timer {
  cancel(): void;
}

/** Time as an argument: nothing but the composition root makes the real one. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  after(milliseconds: number, run: () => void): Timer;
  every(milliseconds: number, run: () => void): Timer;
}

/** The machine's clock. Its timers do not keep the process alive. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    after: (milliseconds, run) => {
      const handle = setTimeout(run, milliseconds).unref();
      return { cancel: () => clearTimeout(handle) };
    },
    every: (milliseconds, run) => {
      const handle = setInterval(run, milliseconds).unref();
      return { cancel: () => clearInterval(handle) };
    },
  };
}
