import type { EnrolRequest, EnrolResponse } from '@quiver/dataplane-api';
import type { Clock } from '../clock.ts';
import { spiffeIdOf } from '../distribute/caller-identity.ts';
import type { Logger } from '../logger.ts';
import { type Authority, nodeCertificateMilliseconds } from './authority.ts';
import { type EnrolmentRefusal, EnrolmentRefused } from './enrolment-refused.ts';
import { RateLimit } from './rate-limit.ts';
import { type TokenOwner, type TokenReviewer, TokenReviews } from './token-review.ts';

/** A request with what the connection says about its caller. */
export interface EnrolmentCall {
  readonly request: EnrolRequest;
  /** Value of the header `authorization`, if there is one. */
  readonly authorization: string | undefined;
  /** Address of the caller, without its port. */
  readonly address: string;
}

export interface EnrolmentDeps {
  readonly reviewer: TokenReviewer;
  /** The present authority; undefined while there is none. */
  readonly authority: () => Authority | undefined;
  /** This router; undefined before the first resources. */
  readonly router: () => { readonly fabric: string; readonly router: string } | undefined;
  readonly hasNode: (name: string) => boolean;
  /** Name of the node on which the pod runs, as the API server last told; undefined when there is no such pod. */
  readonly nodeOfPod: (uid: string) => string | undefined;
  /** `system:serviceaccount:NAMESPACE:NAME` of the agents. */
  readonly agentUsername: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counted: (result: EnrolmentRefusal | 'Issued' | 'Failed') => void;
}

/** Agents ask once in 40 minutes, and a few times when they begin; several may share an address. */
const rateLimit = { burst: 20, perSecond: 2, maxCallers: 4_096 };

/** Decides who gets a certificate of which node. */
export class Enrolment {
  readonly #deps: EnrolmentDeps;
  readonly #limit: RateLimit;
  readonly #reviews: TokenReviews;

  constructor(deps: EnrolmentDeps) {
    this.#deps = deps;
    this.#limit = new RateLimit(rateLimit, deps.clock);
    this.#reviews = new TokenReviews(deps.reviewer, deps.clock);
  }

  /** A certificate for the caller's node. Rejects with `EnrolmentRefused`; anything else is the operator's failure. */
  async enrol(call: EnrolmentCall): Promise<EnrolResponse> {
    const { counted, logger } = this.#deps;
    const told = { node: shown(call.request.node), address: call.address };
    try {
      const response = await this.#issue(call);
      counted('Issued');
      logger.info('certificate issued', told);
      return response;
    } catch (caught) {
      const refused = caught instanceof EnrolmentRefused ? caught : undefined;
      counted(refused?.reason ?? 'Failed');
      const reason = caught instanceof Error ? caught.message : String(caught);
      logger.warn('no certificate issued', { ...told, code: refused?.reason ?? 'Failed', reason });
      throw caught;
    }
  }

  async #issue(call: EnrolmentCall): Promise<EnrolResponse> {
    const { authority, clock } = this.#deps;
    if (!this.#limit.take(call.address)) throw new EnrolmentRefused('RateLimited');
    const owner = this.#checkAgent(await this.#reviews.ownerOf(bearerOf(call.authorization)));
    // What this router is called is told to its agents only.
    this.#checkRouter(call.request);
    const podUid = this.#checkNode(owner, call.request.node);
    const signer = authority();
    if (signer === undefined) throw new EnrolmentRefused('NotReady', 'there is no authority yet');
    const uri = spiffeIdOf(call.request);
    const certificate = await signer.issueNode(call.request.certificateRequest, { uri, podUid }, clock.now());
    return { certificate, authority: signer.bundle, validSeconds: nodeCertificateMilliseconds / 1_000 };
  }

  #checkRouter({ fabric, router, node }: EnrolRequest): void {
    const own = this.#deps.router();
    if (own === undefined) throw new EnrolmentRefused('NotReady');
    if (fabric !== own.fabric) throw new EnrolmentRefused('WrongFabric', `this is fabric ${own.fabric}`);
    if (router !== own.router) throw new EnrolmentRefused('WrongRouter', `this is router ${own.router}`);
    if (!this.#deps.hasNode(node))
      throw new EnrolmentRefused('UnknownNode', `router ${own.router} has no node ${shown(node)}`);
  }

  #checkAgent(owner: TokenOwner | undefined): TokenOwner {
    if (owner === undefined) throw new EnrolmentRefused('TokenInvalid');
    const { username, podUid, nodeName } = owner;
    if (username !== this.#deps.agentUsername)
      throw new EnrolmentRefused('NotAnAgent', `the token is of ${username}, which is no account of agents`);
    if (podUid === '' || nodeName === '') throw new EnrolmentRefused('TokenUnbound');
    return owner;
  }

  /** The uid of the caller's pod. */
  #checkNode({ podUid, nodeName }: TokenOwner, node: string): string {
    if (nodeName !== node)
      throw new EnrolmentRefused('WrongNode', `the token is bound to node ${nodeName}, not to ${shown(node)}`);
    if (this.#deps.nodeOfPod(podUid) !== nodeName)
      throw new EnrolmentRefused('PodUnknown', `there is no pod ${podUid} on node ${nodeName}`);
    return podUid;
  }
}

function bearerOf(authorization: string | undefined): string {
  const [, token] = /^Bearer ([\w.~+/=-]{1,16384})$/i.exec(authorization ?? '') ?? [];
  if (token === undefined)
    throw new EnrolmentRefused('TokenMissing', 'the call carries no header authorization: Bearer TOKEN');
  return token;
}

/** Text of a stranger, cut down for a log line. */
function shown(text: string): string {
  return text.slice(0, 64).replaceAll(/[^\x20-\x7e]/g, '?');
}
