import type { Hello } from '@quiver/dataplane-api';

/** The SPIFFE URI of a node's certificate. */
export function spiffeIdOf(caller: Pick<Hello, 'fabric' | 'router' | 'node'>): string {
  return `spiffe://${caller.fabric}/router/${caller.router}/node/${caller.node}`;
}

/**
 * The one URI name of a certificate, from Node's text of its alternative names; undefined when there is none or more
 * than one (an SVID has exactly one).
 */
export function uriOf(alternativeNames: string | undefined): string | undefined {
  const uris = (alternativeNames ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  const [uri] = uris;
  return uris.length === 1 ? uri?.slice('URI:'.length) : undefined;
}

/** The one common name of a certificate's subject; undefined when there is none or more than one. */
export function commonNameOf(subject: { readonly CN?: string | readonly string[] } | undefined): string | undefined {
  return typeof subject?.CN === 'string' && subject.CN !== '' ? subject.CN : undefined;
}
