import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { Writable } from 'node:stream';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { EnrolmentServiceClient, type EnrolRequest, type EnrolResponse } from '@quiver/dataplane-api';
import { systemClock } from '../clock.ts';
import type { Listening } from '../distribute/server.ts';
import { jsonLogger } from '../logger.ts';
import { newAgentKey } from '../testing/agent-key.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { Authority } from './authority.ts';
import { MemoryCertificates } from './certificate-provider.ts';
import { Enrolment } from './enrolment.ts';
import { serveEnrolment } from './enrolment-server.ts';
import type { TokenOwner } from './token-review.ts';

const agent = 'system:serviceaccount:quiver-system:quiver-agent';
const podUid = '6e1f9a52-0000-4000-8000-000000000001';
const owners: Readonly<Record<string, TokenOwner>> = {
  good: { username: agent, podUid, nodeName: 'node1' },
  other: { username: 'system:serviceaccount:prod:web', podUid, nodeName: 'node1' },
  unbound: { username: agent, podUid: '', nodeName: '' },
  elsewhere: { username: agent, podUid, nodeName: 'node2' },
  gone: { username: agent, podUid: 'pod-gone', nodeName: 'node1' },
};

describe('enrolment of nodes', () => {
  let clock: FakeClock;
  let authority: Authority | undefined;
  let listening: Listening;
  let client: EnrolmentServiceClient;
  let counted: string[];
  let reviewed: string[];
  let log: string;
  let request: EnrolRequest;
  let outage: Error | undefined;
  let open: (() => void)[] | undefined;

  before(async () => {
    const { request: certificateRequest } = await newAgentKey();
    request = { fabric: 'corp', router: 'site-a', node: 'node1', certificateRequest };
  });

  beforeEach(async () => {
    clock = new FakeClock();
    [counted, reviewed, log, outage, open] = [[], [], '', undefined, undefined];
    authority = await Authority.load(await Authority.create('quiver', clock.now()), clock.now());
    const certificates = new MemoryCertificates();
    // Handshakes look at the real time.
    const own = await authority.issueServer(['localhost'], systemClock().now());
    certificates.update({ ...own, authority: authority.bundle });
    const out = new Writable({ write: (chunk: Buffer, _, done) => ((log += chunk.toString()), done()) });
    const enrolment = new Enrolment({
      reviewer: { review },
      authority: () => authority,
      router: () => ({ fabric: 'corp', router: 'site-a' }),
      hasNode: (name) => name === 'node1',
      nodeOfPod: (uid) => (uid === podUid ? 'node1' : undefined),
      agentUsername: agent,
      clock,
      logger: jsonLogger('debug', out),
      counted: (result) => counted.push(result),
    });
    listening = await serveEnrolment('127.0.0.1:0', { enrolment, certificates, logger: jsonLogger('error', out) });
    client = new EnrolmentServiceClient(
      `localhost:${listening.port}`,
      credentials.createSsl(Buffer.from(authority.bundle)),
    );
  });

  afterEach(async () => {
    client.close();
    await listening.close();
  });

  async function review(token: string): Promise<TokenOwner | undefined> {
    reviewed.push(token);
    await new Promise<void>((resolve) => (open === undefined ? resolve() : open.push(resolve)));
    if (outage !== undefined) throw outage;
    return owners[token];
  }

  function enrol(token: string | undefined, more: Partial<EnrolRequest> = {}): Promise<EnrolResponse> {
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
    return new Promise((resolve, reject) => {
      client.enrol({ ...request, ...more }, metadata, (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
  }

  async function refusal(token: string | undefined, more: Partial<EnrolRequest> = {}): Promise<string> {
    try {
      await enrol(token, more);
      return 'Issued';
    } catch (caught) {
      const { code, metadata } = caught as ServiceError;
      return `${status[code]} ${metadata.get('quiver-reason').join()}`;
    }
  }

  it('gives the agent of a node a certificate of that node', async () => {
    const { certificate, authority: bundle, validSeconds } = await enrol('good');
    const issued = new X509Certificate(certificate);
    assert.equal(issued.subjectAltName, 'URI:spiffe://corp/router/site-a/node/node1');
    assert.equal(issued.subject, `CN=${podUid}`);
    assert.equal(issued.verify(new X509Certificate(bundle).publicKey), true);
    assert.equal(validSeconds, 3_600);
    assert.deepEqual(counted, ['Issued']);
  });

  it('refuses everybody else and says why', async () => {
    assert.equal(await refusal(undefined), 'UNAUTHENTICATED TokenMissing');
    assert.equal(await refusal('nobody'), 'UNAUTHENTICATED TokenInvalid');
    assert.equal(await refusal('other'), 'PERMISSION_DENIED NotAnAgent');
    assert.equal(await refusal('unbound'), 'PERMISSION_DENIED TokenUnbound');
    assert.equal(await refusal('elsewhere'), 'PERMISSION_DENIED WrongNode');
    assert.equal(await refusal('gone'), 'PERMISSION_DENIED PodUnknown');
    assert.equal(await refusal('good', { fabric: 'other' }), 'PERMISSION_DENIED WrongFabric');
    assert.equal(await refusal('good', { router: 'site-b' }), 'PERMISSION_DENIED WrongRouter');
    assert.equal(await refusal('good', { node: 'node9' }), 'PERMISSION_DENIED UnknownNode');
    assert.equal(await refusal('good', { certificateRequest: 'none' }), 'INVALID_ARGUMENT RequestInvalid');
    authority = undefined;
    assert.equal(await refusal('good'), 'UNAVAILABLE NotReady');
    assert.equal(counted.includes('Issued'), false);
    assert.equal(counted.length, 11);
  });

  it('tells strangers nothing about the router', async () => {
    const wrong = { fabric: 'other', router: 'other', node: 'other' };
    for (const token of [undefined, 'nobody', 'other', 'unbound']) {
      const caught = await enrol(token, wrong).catch((error: ServiceError) => error);
      assert.ok('details' in caught);
      assert.doesNotMatch(caught.details, /corp|site-a|node1|quiver-agent/);
    }
  });

  it('logs every refusal, and nothing secret', async () => {
    await refusal('elsewhere');
    await enrol('good');
    assert.match(log, /no certificate issued.*WrongNode|WrongNode.*no certificate issued/);
    assert.doesNotMatch(log, /Bearer|elsewhere|"good"|BEGIN/);
  });

  it('asks the API server once about one token, and again after a while', async () => {
    await enrol('good');
    await enrol('good');
    assert.deepEqual(reviewed, ['good']);
    clock.advance(10_000);
    await enrol('good');
    assert.deepEqual(reviewed, ['good', 'good']);
  });

  it('asks again at once when the API server could not be asked', async () => {
    outage = new Error('no answer');
    assert.equal(await refusal('good'), 'UNAVAILABLE ');
    outage = undefined;
    await enrol('good');
    assert.deepEqual(counted, ['Failed', 'Issued']);
  });

  it('lets one address ask only so often', async () => {
    for (let round = 0; round < 20; round += 1) await refusal('good');
    assert.equal(await refusal('good'), 'RESOURCE_EXHAUSTED RateLimited');
    clock.advance(1_000);
    assert.equal(await refusal('good'), 'Issued');
  });
});
