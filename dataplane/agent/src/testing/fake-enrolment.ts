import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, type status } from '@grpc/grpc-js';
import { EnrolmentServiceService, type EnrolRequest, type EnrolResponse } from '@quiver/dataplane-api';
import { TestAuthority } from './test-authority.ts';

/** What one caller asked, and with which token. */
export interface Asked {
  readonly request: EnrolRequest;
  readonly authorization: string;
}

/** The enrolment of an operator, over real TLS; it gives certificates of a life that a test chooses. */
export class FakeEnrolment {
  readonly asked: Asked[] = [];
  /** Errors for the next calls, first to last; without one, a certificate is given. */
  readonly refusals: { readonly code: status; readonly details: string }[] = [];
  /** Life of the next certificates, in milliseconds since the Unix epoch. */
  life: { readonly from: number; readonly to: number } = { from: Date.UTC(2020, 0), to: Date.UTC(2120, 0) };
  /** Name in the next certificates, where it is not the one asked for. */
  name: string | undefined;
  authority: TestAuthority;
  port = 0;
  readonly #server = new Server();

  private constructor(authority: TestAuthority) {
    this.authority = authority;
  }

  static async listen(): Promise<FakeEnrolment> {
    const enrolment = new FakeEnrolment(await TestAuthority.create('authority'));
    const names = [{ type: 'dns', value: 'quiver-operator' }] as const;
    const { certificate, key } = await enrolment.authority.issue({ names });
    const pair = { cert_chain: Buffer.from(certificate), private_key: Buffer.from(key) };
    enrolment.#server.addService(EnrolmentServiceService, {
      enrol: (call: ServerUnaryCall<EnrolRequest, EnrolResponse>, answer: sendUnaryData<EnrolResponse>) =>
        void enrolment.#answer(call, answer),
    });
    enrolment.port = await new Promise<number>((resolve, reject) => {
      enrolment.#server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [pair]), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    return enrolment;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  async #answer(
    { request, metadata }: ServerUnaryCall<EnrolRequest, EnrolResponse>,
    answer: sendUnaryData<EnrolResponse>,
  ) {
    this.asked.push({ request, authorization: String(metadata.get('authorization')[0]) });
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return answer(refusal);
    const { fabric, router, node, certificateRequest } = request;
    const value = this.name ?? `spiffe://${fabric}/router/${router}/node/${node}`;
    const certificate = await this.authority.sign(certificateRequest, {
      names: [{ type: 'url', value }],
      ...this.life,
    });
    answer(null, { certificate, authority: this.authority.pem, validSeconds: 3600 });
  }
}
