import { type Clock, systemClock } from '../clock.ts';

/** The machine's time, so many times faster: what takes seconds is over in a moment, and connections are real. */
export function fastClock(times: number): Clock {
  const real = systemClock();
  const began = real.now();
  return {
    now: () => began + (real.now() - began) * times,
    after: (milliseconds, run) => real.after(milliseconds / times, run),
    every: (milliseconds, run) => real.every(milliseconds / times, run),
  };
}
