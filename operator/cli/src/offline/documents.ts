const separator = /^---(?:[ \t].*)?$/m;
const routerKind = /^kind:\s*["']?RouterConfig["']?\s*(?:#.*)?$/m;

/** The two parts of a text. Every line stays where it is, so that problems name the lines of the whole. */
export interface Parts {
  /** Undefined when there is no RouterConfig. */
  readonly router: string | undefined;
  readonly resources: string;
}

/** Takes the RouterConfig out of a text that may hold resources as well. */
export function splitRouter(text: string): Parts {
  const documents = text.split(separator);
  if (!documents.some(isRouter)) return { router: undefined, resources: text };
  return {
    router: documents.map((document) => (isRouter(document) ? document : blank(document))).join(''),
    resources: documents.map((document) => (isRouter(document) ? blank(document) : document)).join('---'),
  };
}

function isRouter(document: string): boolean {
  return routerKind.test(document);
}

function blank(document: string): string {
  return document.replaceAll(/[^\n]/g, '');
}
