import { stat } from 'node:fs/promises';

/** A text that changes whenever the file does, its replacement by another included. */
export async function stampOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found === undefined ? `${file} absent` : `${file} ${found.mtimeNs} ${found.size} ${found.ino}`;
}
