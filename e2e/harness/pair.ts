import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildEngine } from './engine-build.ts';
import type { Process } from './process.ts';
import { Router, repository } from './router.ts';
import { serveEcho, serveFiles } from './servers.ts';
import { Sites } from './sites.ts';

/** Addresses of the demo's services, as its YAML fixes them. */
export const services = {
  web: { v4: '198.18.0.80', v6: 'fd71:7569:7665:1::80' },
  vault: { v4: '198.18.0.81', v6: 'fd71:7569:7665:1::81' },
  echo: { v4: '198.18.0.90', v6: 'fd71:7569:7665:1::90' },
  voice: { v4: '198.18.0.100', v6: 'fd71:7569:7665:1::100' },
  perf: { v4: '198.18.0.52', v6: 'fd71:7569:7665:1::52' },
} as const;

/** The demo's two sites with a router each and servers behind the second. */
export class Pair {
  readonly sites: Sites;
  readonly a: Router;
  readonly b: Router;
  /** Files that the web server gives out. */
  readonly content: string;
  readonly servers: Process[] = [];

  private constructor(sites: Sites, a: Router, b: Router) {
    this.sites = sites;
    this.a = a;
    this.b = b;
    this.content = join(sites.folder, 'content');
  }

  /** Makes the namespaces and writes the files of both routers; nothing runs yet. */
  static async prepare(): Promise<Pair> {
    await buildEngine();
    const sites = await Sites.make();
    const secret = randomBytes(32).toString('hex');
    const { folder } = sites;
    const site = (name: string): string => join(repository, 'e2e/demo', name);
    const a = await Router.prepare({ name: 'a', namespace: sites.routerA, site: site('site-a'), folder, secret });
    const b = await Router.prepare({ name: 'b', namespace: sites.routerB, site: site('site-b'), folder, secret });
    const pair = new Pair(sites, a, b);
    await mkdir(pair.content);
    return pair;
  }

  /** As `prepare`, with servers and both routers running. */
  static async start(): Promise<Pair> {
    const pair = await Pair.prepare();
    try {
      await pair.run();
      return pair;
    } catch (caught) {
      await pair.remove();
      throw caught;
    }
  }

  async run(): Promise<void> {
    await Promise.all([this.serve(), this.a.start(), this.b.start()]);
  }

  async serve(): Promise<void> {
    const { server } = this.sites;
    const started = [serveFiles(server, this.content, [80, 81]), serveEcho(server, ['9000', '10000-10049'])];
    this.servers.push(...(await Promise.all(started)));
  }

  /** Ends both routers in order, which removes what they made. Their exit codes. */
  async stopRouters(): Promise<(number | null)[]> {
    return Promise.all([this.a.stop(), this.b.stop()]);
  }

  async remove(): Promise<void> {
    for (const router of [this.a, this.b]) {
      await router.stop().catch(() => router.kill());
      router.close();
    }
    await Promise.all(this.servers.map((server) => server.stop('SIGKILL')));
    await this.sites.remove();
  }
}
