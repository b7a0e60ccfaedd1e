/** A secret shorter than this is refused. */
const minSecretBytes = 32;

/** Why the bytes of a file are no fabric secret; undefined: they are one. */
export function secretMistake(bytes: Uint8Array): string | undefined {
  const { length } = trimmedSecret(bytes);
  if (length >= minSecretBytes) return undefined;
  return `has ${length} bytes and needs at least ${minSecretBytes}; write one with: openssl rand -hex 32`;
}

/** The secret in a file: tools end a text with a line break, which is no part of it. */
export function trimmedSecret(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1;
  return bytes.subarray(0, end);
}
