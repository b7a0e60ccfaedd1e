import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The head of a definition, up to what Helm adds to it. */
const HEAD = /^(apiVersion: [^\n]+\nkind: CustomResourceDefinition\nmetadata:\n {2}name: [^\n]+\n)(?=spec:\n)/;

const METADATA = `  labels:
    app.kubernetes.io/name: {{ .Chart.Name }}
    app.kubernetes.io/instance: {{ .Release.Name }}
    app.kubernetes.io/part-of: quiver
    app.kubernetes.io/managed-by: {{ .Release.Service }}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
`;

/**
 * The definitions as templates of a chart, file name -> content. As templates, since Helm never upgrades what is in a
 * chart's `crds/`.
 * @throws when a definition has a head of another form, in which the additions would get lost.
 */
export function crdTemplates(folder: string): Map<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  return new Map(names.toSorted().map((name) => [name, crdTemplate(name, readFileSync(join(folder, name), 'utf8'))]));
}

function crdTemplate(name: string, definition: string): string {
  if (!HEAD.test(definition)) throw new Error(`${name}: the head is not apiVersion, kind, metadata.name, spec.`);
  const literal = definition.replaceAll('{{', '{{ "{{" }}');
  const marked = literal.replace(HEAD, (head) => head + METADATA);
  return `{{- /* Generated from crds/${name} by "npm run gen". */ -}}\n{{- if .Values.crds.install }}\n${marked}{{- end }}\n`;
}
