import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from '../../harness/command.ts';
import type { BaseImages } from './base.ts';
import { buildah } from './project.ts';

/** A public image of which only this matters: it serves HTTP on port 80. */
const server = `require("http").createServer((q, r) => r.end("a web server\\n")).listen(80, "::")`;

/** Writes an archive of an image that stands in for a public web server's. */
export async function buildWebServer(cache: string, base: BaseImages, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quiver-stand-in-'));
  const archive = join(cache, 'images/web-server.tar');
  try {
    const file = `FROM oci-archive:${base.tools}\nCMD ${JSON.stringify(['node', '-e', server])}\n`;
    await writeFile(join(folder, 'Dockerfile'), file);
    const command = await buildah(cache);
    await must([...command, 'bud', '--isolation', 'chroot', '--quiet', '--tag', name, folder]);
    await rm(archive, { force: true });
    await must([...command, 'push', '--quiet', name, `oci-archive:${archive}:${name}`]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return archive;
}
