/** A file of an archive. */
export interface ArchiveFile {
  /** Relative path of at most 255 bytes. */
  readonly path: string;
  readonly content: Uint8Array;
}

const block = 512;

/** A POSIX (ustar) archive of files that only their owner may read; the same files give the same bytes. */
export function tarOf(files: readonly ArchiveFile[], modifiedAt: number): Buffer {
  const parts = files.flatMap(({ path, content }) => {
    const padding = Buffer.alloc((block - (content.length % block)) % block);
    return [headerOf(path, content.length, modifiedAt), content, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

function headerOf(path: string, size: number, modifiedAt: number): Buffer {
  const header = Buffer.alloc(block);
  const { name, prefix } = split(path);
  header.write(name, 0);
  header.write(octal(0o600, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(size, 12), 124);
  header.write(octal(Math.floor(modifiedAt / 1000), 12), 136);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  header.write(prefix, 345);
  // The sum counts its own field as blanks.
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148);
  return header;
}

// Names are 100 bytes, and 155 more for the folders above.
function split(path: string): { readonly name: string; readonly prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    const [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return { name, prefix };
  }
  throw new Error(`the path is too long for an archive: ${path}`);
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\u0000`;
}
