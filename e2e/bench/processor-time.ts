import { readFileSync } from 'node:fs';

/** Ticks of /proc in a second, on every Linux that Node.js runs on. */
const TICKS = 100;

/** Seconds that all processors together were busy since the machine started. */
export function busySeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS;
}

/** Seconds that programs have used so far, what the kernel did for them included. */
export function programSeconds(pids: readonly number[]): number {
  return pids.reduce((total, pid) => total + secondsOf(pid), 0);
}

function secondsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything; fields are counted behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
