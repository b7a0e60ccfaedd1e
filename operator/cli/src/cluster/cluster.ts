/** An object as the API server gives it. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly managedFields?: unknown;
}

/** A container in which a command is run. */
export interface ContainerRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** How a command in a container ended. */
export interface Executed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whose cluster is asked, as on kubectl's command line. */
export interface ClusterTarget {
  /** Undefined: the kubeconfig's current one. */
  readonly context?: string | undefined;
  /** Undefined: $KUBECONFIG, else the usual file. */
  readonly kubeconfig?: string | undefined;
  /** Limit of every call, in milliseconds. */
  readonly timeout: number;
}

/** A cluster through the user's own rights. Every call rejects with a `ClusterFailure` that says whom it asked. */
export interface Cluster {
  /** The context's name, by which messages name the cluster. */
  readonly context: string;
  readonly server: string;
  /** The API server's time in milliseconds as its last answer told it, to the second; the own time before. */
  now(): number;
  /** One object, or whatever JSON the path stands for; undefined when there is none. */
  get(path: string): Promise<KubeObject | undefined>;
  /** All objects of a collection, page by page; `query` such as `labelSelector=a%3Db`. None when the kind does not exist. */
  list(path: string, query?: string): Promise<readonly KubeObject[]>;
  /** Text, such as a log; undefined when there is none. */
  text(path: string): Promise<string | undefined>;
  /** Server-side apply under this program's name; rejects with status 409 when another one owns a field, unless forced. */
  apply(path: string, object: KubeObject, settings?: { readonly force: boolean }): Promise<void>;
  /** Runs a command in a container to its end. */
  exec(where: ContainerRef, command: readonly string[]): Promise<Executed>;
}

/** What a cluster refused or did not answer; the message is for the user. */
export class ClusterFailure extends Error {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;

  constructor(message: string, status = 0) {
    super(message);
    this.name = 'ClusterFailure';
    this.status = status;
  }
}
