import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import {
  AdminServiceService,
  type CaptureRequest,
  type CaptureResponse,
  type DropsRequest,
  DropsResponse,
  Dump,
  type DumpRequest,
  type ExplainRequest,
  Explanation,
  type StatusRequest,
  StatusResponse,
} from '@quiver/dataplane-api';

/** A node's admin service that answers what a test says, and remembers what it was asked. */
export class FakeNode {
  readonly #server = new Server();
  readonly requests: unknown[] = [];
  status = StatusResponse.create();
  /** Answers one after another; the last one stays. */
  dumps: Dump[] = [Dump.create()];
  drops: DropsResponse[] = [DropsResponse.create()];
  explanation = Explanation.create();
  captured: CaptureResponse[] = [];
  /** When set, every call fails with this sentence. */
  failure: string | undefined;

  static async listen(socket: string): Promise<FakeNode> {
    const node = new FakeNode();
    node.#server.addService(AdminServiceService, {
      status: node.#unary<StatusRequest, StatusResponse>(() => node.status),
      sessions: node.#unary<DumpRequest, Dump>(() => next(node.dumps)),
      explain: node.#unary<ExplainRequest, Explanation>(() => node.explanation),
      drops: node.#unary<DropsRequest, DropsResponse>(() => next(node.drops)),
      capture: (call: ServerWritableStream<CaptureRequest, CaptureResponse>) => {
        node.requests.push(call.request);
        if (node.failure !== undefined) call.emit('error', refusal(node.failure));
        for (const response of node.captured) call.write(response);
        call.end();
      },
    });
    await new Promise<void>((resolve, reject) => {
      node.#server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    return node;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #unary<Request, Response>(respond: () => Response) {
    return (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>): void => {
      this.requests.push(call.request);
      if (this.failure === undefined) done(null, respond());
      else done(refusal(this.failure));
    };
  }
}

function next<T>(answers: T[]): T {
  const [first] = answers;
  if (first === undefined) throw new Error('a fake needs an answer');
  if (answers.length > 1) answers.shift();
  return first;
}

function refusal(details: string) {
  return Object.assign(new Error(details), { code: status.FAILED_PRECONDITION, details });
}
