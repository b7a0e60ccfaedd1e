import { deepEqual, equal } from 'node:assert/strict';
import { createCipheriv, createHmac, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../dataplane/crates/crypto/testdata');

type Vector = ReadonlyMap<string, Buffer>;

/** Blocks of `name: hex` lines, as the data plane's own test reads them. */
function vectorsOf(file: string): Vector[] {
  const blocks = readFileSync(join(FOLDER, file), 'utf8').split('\n\n');
  const vectors = blocks.map((block) => {
    const lines = block.split('\n').filter((line) => line.includes(':') && !line.startsWith('#'));
    return new Map(
      lines.map((line) => {
        const [name = '', hex = ''] = line.split(':');
        return [name, Buffer.from(hex.trim(), 'hex')];
      }),
    );
  });
  return vectors.filter((vector) => vector.size > 0);
}

function bytes(vector: Vector, name: string): Buffer {
  const value = vector.get(name);
  if (value === undefined) throw new Error(`the vector has no ${name}`);
  return value;
}

const expectVectors = (file: string, count: number): Vector[] => {
  const vectors = vectorsOf(file);
  equal(vectors.length, count);
  return vectors;
};

/**
 * The data plane computes with AWS-LC. The same files against OpenSSL, which node:crypto is: a vector that was copied wrongly from its
 * document would have to be wrong in both.
 */
describe('published cryptographic vectors, computed by another implementation', () => {
  it('AES-256-GCM: McGrew and Viega, appendix B', () => {
    for (const vector of expectVectors('aes_256_gcm.txt', 4)) {
      const cipher = createCipheriv('aes-256-gcm', bytes(vector, 'key'), bytes(vector, 'nonce'));
      cipher.setAAD(bytes(vector, 'aad'));
      const sealed = Buffer.concat([cipher.update(bytes(vector, 'clear')), cipher.final()]);
      deepEqual([sealed, cipher.getAuthTag()], [bytes(vector, 'cipher'), bytes(vector, 'tag')]);
    }
  });

  it('AES-256-CBC: NIST SP 800-38A, F.2.5', () => {
    for (const vector of expectVectors('aes_256_cbc.txt', 1)) {
      const cipher = createCipheriv('aes-256-cbc', bytes(vector, 'key'), bytes(vector, 'iv')).setAutoPadding(false);
      deepEqual(Buffer.concat([cipher.update(bytes(vector, 'clear')), cipher.final()]), bytes(vector, 'cipher'));
    }
  });

  it('HMAC-SHA256: RFC 4231', () => {
    for (const vector of expectVectors('hmac_sha256.txt', 7)) {
      const tag = createHmac('sha256', bytes(vector, 'key')).update(bytes(vector, 'data')).digest();
      const expected = bytes(vector, 'tag');
      deepEqual(tag.subarray(0, expected.length), expected);
    }
  });

  it('HKDF-SHA256: RFC 5869, appendix A', () => {
    for (const vector of expectVectors('hkdf_sha256.txt', 3)) {
      const expected = bytes(vector, 'key');
      const [secret, salt, info] = ['secret', 'salt', 'info'].map((name) => bytes(vector, name));
      const made = hkdfSync('sha256', secret ?? '', salt ?? '', info ?? '', expected.length);
      deepEqual(Buffer.from(made), expected);
    }
  });

  it('compatibility profile: cipher text and both signatures of the worked bytes', () => {
    for (const vector of expectVectors('compatibility_metadata.txt', 1)) {
      const clear = bytes(vector, 'clear');
      const packet = bytes(vector, 'packet');
      const header = 20;
      const cipher = createCipheriv('aes-256-cbc', bytes(vector, 'cipher_key'), bytes(vector, 'iv'));
      const sealed = Buffer.concat([cipher.update(clear.subarray(header)), cipher.final(), bytes(vector, 'iv')]);
      deepEqual(packet.subarray(header), Buffer.concat([sealed, bytes(vector, 'session_payload')]));
      const window = Buffer.alloc(8);
      window.writeBigUInt64BE(850_000_000n);
      const sign = (...parts: Buffer[]): Buffer =>
        createHmac('sha256', bytes(vector, 'hmac_key')).update(Buffer.concat(parts)).digest().subarray(0, 16);
      deepEqual([sign(packet), sign(packet, window)], [bytes(vector, 'regular'), bytes(vector, 'time_based')]);
    }
  });
});
