import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Settings of the whole machine that kubelet would change: it is shown the values that it wants, and so leaves the
 * real ones alone.
 */
const wanted: Readonly<Record<string, string>> = {
  '/proc/sys/vm/overcommit_memory': '1',
  '/proc/sys/vm/panic_on_oom': '0',
  '/proc/sys/kernel/panic': '10',
  '/proc/sys/kernel/panic_on_oops': '1',
  '/proc/sys/kernel/keys/root_maxkeys': '1000000',
  '/proc/sys/kernel/keys/root_maxbytes': '25000000',
};

/**
 * Writes into `folder` what a machine sees instead of the host's own, new at each start: by the boot id kubelet tells
 * a reboot. Pairs of a file and the place that it covers.
 */
export async function kernelSettings(folder: string, hostname: string): Promise<(readonly [string, string])[]> {
  await mkdir(folder, { recursive: true });
  const contents = {
    ...wanted,
    '/proc/sys/kernel/random/boot_id': randomUUID(),
    '/etc/machine-id': machineId(hostname),
  };
  const pairs: (readonly [string, string])[] = [];
  for (const [place, content] of Object.entries(contents)) {
    const file = join(folder, place.slice(1).replaceAll('/', '.'));
    await writeFile(file, `${content}\n`);
    pairs.push([file, place]);
  }
  return pairs;
}

/** The same at each start of one machine. */
function machineId(hostname: string): string {
  return Buffer.alloc(16, hostname).toString('hex');
}
