import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import type { TlsFiles } from '../config-stream/channel.ts';
import { silentLogger } from '../logger.ts';
import { FakeEnrolment } from '../testing/fake-enrolment.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { identity as node } from '../testing/sample-config.ts';
import { scratchFolder } from '../testing/scratch.ts';
import { TestAuthority } from '../testing/test-authority.ts';
import { Identity } from './identity.ts';

const hour = 3_600_000;

describe('the identity of a node', function () {
  this.timeout(15_000);
  const folder = scratchFolder();
  let enrolment: FakeEnrolment;
  let clock: ManualClock;
  let renewals: number;
  let warnings: number;
  const identities: Identity[] = [];
  const at = (name: string) => join(folder(), name);

  beforeEach(async () => {
    enrolment = await FakeEnrolment.listen();
    clock = new ManualClock();
    enrolment.life = { from: clock.now(), to: clock.now() + hour };
    renewals = 0;
    warnings = 0;
    await writeFile(at('token'), 'token-1\n');
    await writeFile(at('ca.crt'), enrolment.authority.pem);
  });

  afterEach(() => {
    for (const one of identities.splice(0)) one.stop();
    enrolment.close();
  });

  function make(): Identity {
    const made = new Identity({
      node,
      folder: at('identity'),
      settings: {
        address: enrolment.address,
        token: at('token'),
        authority: at('ca.crt'),
        serverName: 'quiver-operator',
      },
      clock,
      random: () => 0,
      logger: { ...silentLogger(), warn: () => void (warnings += 1) },
      renewed: () => {
        renewals += 1;
      },
    });
    identities.push(made);
    return made;
  }

  /** Lets sockets and files go on until something holds. */
  async function until(holds: () => boolean): Promise<void> {
    for (let turns = 0; !holds(); turns += 1) {
      assert.ok(turns < 3_000_000, 'it does not happen');
      await setImmediate();
    }
  }

  async function certificate({ certificate: file }: TlsFiles): Promise<X509Certificate> {
    return new X509Certificate(await readFile(file));
  }

  it('is asked for with the token of the moment and a key that stays here', async () => {
    const files = await make().files();
    assert.deepEqual({ ...enrolment.asked[0]?.request, certificateRequest: '' }, { ...node, certificateRequest: '' });
    assert.equal(enrolment.asked[0]?.authorization, 'Bearer token-1');
    const given = await certificate(files);
    assert.equal(given.subjectAltName, 'URI:spiffe://demo/router/a/node/a1');
    const key = await readFile(files.key, 'utf8');
    assert.deepEqual(
      createPublicKey(key).export({ format: 'der', type: 'spki' }),
      given.publicKey.export({ format: 'der', type: 'spki' }),
    );
    assert.equal(given.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    const modes = await Promise.all(
      [files.key, files.certificate].map(async (path) => (await stat(path)).mode & 0o777),
    );
    assert.deepEqual(modes, [0o600, 0o600]);
    assert.equal(files.authority, at('ca.crt'));
    assert.equal(files.serverName, 'quiver-operator');
  });

  it('is asked for once by all who need it', async () => {
    const one = make();
    await Promise.all([one.files(), one.files()]);
    await one.files();
    assert.equal(enrolment.asked.length, 1);
  });

  it('comes from the disk after a restart, without an operator', async () => {
    const files = await make().files();
    enrolment.close();
    assert.deepEqual(await make().files(), files);
  });

  it('is asked for anew by the next pod, whose predecessor it named', async () => {
    await make().files();
    const next = make();
    const files = await next.files();
    assert.equal(enrolment.asked.length, 2);
    assert.deepEqual(await next.files(), files);
    assert.equal(enrolment.asked.length, 2);
  });

  it('is renewed with a new key and the newest token when two thirds of its life are over', async () => {
    const one = make();
    const files = await one.files();
    const first = await certificate(files);
    one.start();
    clock.advance((hour * 2) / 3 - 60_000);
    await one.files();
    assert.equal(enrolment.asked.length, 1);
    await writeFile(at('token'), 'token-2');
    enrolment.life = { from: clock.now(), to: clock.now() + hour };
    clock.advance(60_000);
    await until(() => renewals === 1);
    assert.equal(enrolment.asked[1]?.authorization, 'Bearer token-2');
    const second = await certificate(files);
    assert.notEqual(second.fingerprint256, first.fingerprint256);
    assert.ok(!second.publicKey.equals(first.publicKey));
  });

  it('is asked for again and again, with waiting times, while no operator leads', async () => {
    const one = make();
    await one.files();
    one.start();
    enrolment.refusals.push({ code: status.UNAVAILABLE, details: 'this operator does not lead' });
    enrolment.refusals.push({ code: status.UNAVAILABLE, details: 'this operator does not lead' });
    enrolment.life = { from: clock.now(), to: clock.now() + 3 * hour };
    clock.advance((hour * 2) / 3);
    await until(() => warnings === 1);
    clock.advance(100);
    await until(() => warnings === 2);
    clock.advance(200);
    await until(() => renewals === 1);
    assert.equal(enrolment.asked.length, 4);
  });

  it('is asked for anew when it has ended or another authority signs now', async () => {
    const one = make();
    await one.files();
    clock.advance(hour);
    enrolment.life = { from: clock.now(), to: clock.now() + hour };
    await one.files();
    assert.equal(enrolment.asked.length, 2);
    one.start();
    const other = await TestAuthority.create('another');
    await writeFile(at('ca.crt'), `${other.pem}\n${enrolment.authority.pem}`);
    enrolment.authority = other;
    clock.advance(30_000);
    await one.files();
    assert.equal(enrolment.asked.length, 2, 'both authorities are good during the change');
    await writeFile(at('ca.crt'), other.pem);
    await assert.rejects(one.files(), { code: 'EnrolmentUnavailable' }, 'the server still shows the former one');
  });

  it('says what is missing while there is no authority or token, and goes on when they come', async () => {
    const one = make();
    await writeFile(at('ca.crt'), '');
    await assert.rejects(one.files(), { code: 'CertificateUnusable', message: /authority .*ca\.crt is empty/ });
    await writeFile(at('ca.crt'), enrolment.authority.pem);
    await writeFile(at('token'), '');
    await assert.rejects(one.files(), { code: 'CertificateUnusable', message: /token .*token is empty/ });
    await writeFile(at('token'), 'token-3');
    await one.files();
    assert.equal(enrolment.asked.length, 1);
  });

  it('uses the authority that came with the certificate while none is mounted', async () => {
    const one = make();
    await one.files();
    await writeFile(at('ca.crt'), '');
    const { authority } = await one.files();
    assert.equal(authority, join(at('identity'), 'authority.crt'));
    assert.equal(await readFile(authority, 'utf8'), enrolment.authority.pem);
  });

  it('tells who refused it and why', async () => {
    enrolment.refusals.push({ code: status.PERMISSION_DENIED, details: 'the token is of node a2' });
    await assert.rejects(make().files(), {
      code: 'EnrolmentRefused',
      message: 'the operator gives no certificate: the token is of node a2',
    });
  });

  it('does not take a certificate of another node', async () => {
    enrolment.name = 'spiffe://demo/router/a/node/a2';
    await assert.rejects(make().files(), { code: 'EnrolmentRefused', message: /is not of spiffe.*node\/a1/ });
  });

  it('trusts no operator of another authority', async () => {
    await writeFile(at('ca.crt'), (await TestAuthority.create('stranger')).pem);
    await assert.rejects(make().files(), { code: 'EnrolmentUnavailable' });
    assert.deepEqual(enrolment.asked, []);
  });

  it('leaves nothing behind when it is removed', async () => {
    const one = make();
    await one.files();
    await one.remove();
    await assert.rejects(stat(at('identity')));
  });
});
