import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { QuiverError } from '../errors.ts';
import { forgedRequest, newAgentKey } from '../testing/agent-key.ts';
import { Authority, splitCertificates } from './authority.ts';
import { EnrolmentRefused } from './enrolment-refused.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const hour = 3_600_000;
const identity = { uri: 'spiffe://corp/router/site-a/node/node1', podUid: '6e1f9a52-0000-4000-8000-000000000001' };

async function load(): Promise<Authority> {
  return Authority.load(await Authority.create('quiver', now), now);
}

describe('authority of a router', () => {
  it('makes certificates of agents that name one node, hold an hour and are no authority', async () => {
    const authority = await load();
    const { request } = await newAgentKey();
    const certificate = new X509Certificate(await authority.issueNode(request, identity, now));
    const signer = new X509Certificate(authority.bundle);
    assert.equal(certificate.checkIssued(signer) && certificate.verify(signer.publicKey), true);
    assert.equal(certificate.subjectAltName, `URI:${identity.uri}`);
    assert.equal(certificate.subject, `CN=${identity.podUid}`);
    assert.equal(Date.parse(certificate.validTo), now + hour);
    assert.equal(certificate.ca, false);
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  });

  it('makes certificates of servers for names, and no agent can serve with its own', async () => {
    const authority = await load();
    const { certificate, key } = await authority.issueServer(['quiver-operator', 'quiver-operator.ns.svc'], now);
    const server = new X509Certificate(certificate);
    assert.equal(server.subjectAltName, 'DNS:quiver-operator, DNS:quiver-operator.ns.svc');
    assert.deepEqual(server.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    assert.match(key, /BEGIN PRIVATE KEY/);
  });

  it('refuses a request whose maker does not hold the key', async () => {
    const authority = await load();
    const isInvalid = (error: unknown) => error instanceof EnrolmentRefused && error.reason === 'RequestInvalid';
    await assert.rejects(authority.issueNode(await forgedRequest(), identity, now), isInvalid);
    for (const text of [
      '',
      'no request',
      '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----',
    ])
      await assert.rejects(authority.issueNode(text, identity, now), isInvalid);
    await assert.rejects(authority.issueNode('A'.repeat(9_000), identity, now), isInvalid);
  });

  it('signs with the certificate that fits its key and trusts all that are there', async () => {
    const [old, young] = [await Authority.create('quiver', now), await Authority.create('quiver', now)];
    const certificate = `${old.certificate}${young.certificate}`;
    const authority = await Authority.load({ certificate, key: young.key }, now);
    const { request } = await newAgentKey();
    const issued = new X509Certificate(await authority.issueNode(request, identity, now));
    assert.equal(issued.verify(new X509Certificate(young.certificate).publicKey), true);
    assert.equal(splitCertificates(authority.bundle).length, 2);
  });

  it('never issues beyond its own end', async () => {
    const pair = await Authority.create('quiver', now);
    const end = Date.parse(new X509Certificate(pair.certificate).validTo);
    const authority = await Authority.load(pair, end - 1_000);
    const { request } = await newAgentKey();
    const issued = new X509Certificate(await authority.issueNode(request, identity, end - 1_000));
    assert.equal(Date.parse(issued.validTo), end);
  });

  it('says why an authority cannot be used', async () => {
    const pair = await Authority.create('quiver', now);
    const other = await Authority.create('quiver', now);
    const { certificate, key } = await (await load()).issueServer(['server'], now);
    const cases = [
      [{ certificate: '', key: pair.key }, /there is no certificate/],
      [{ certificate: pair.certificate, key: 'none' }, /the authority cannot be used/],
      [{ certificate: pair.certificate, key: other.key }, /its key fits none of its certificates/],
      [{ certificate, key }, /is not that of an authority/],
    ] as const;
    for (const [text, message] of cases) {
      await assert.rejects(Authority.load(text, now), (error: unknown) => {
        assert.ok(error instanceof QuiverError && error.code === 'AuthorityInvalid');
        assert.match(error.message, message);
        return true;
      });
    }
    await assert.rejects(Authority.load(pair, now + 11 * 365 * 24 * hour), /ended at/);
  });
});
