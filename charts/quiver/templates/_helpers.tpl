{{/* Names. Suffixes follow, so that they stay below 63 characters. */}}
{{- define "quiver.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "quiver.fullname" -}}
{{- $name := include "quiver.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "quiver.operator" -}}{{ include "quiver.fullname" . }}-operator{{- end }}
{{- define "quiver.agent" -}}{{ include "quiver.fullname" . }}-agent{{- end }}
{{- define "quiver.retire" -}}{{ include "quiver.fullname" . }}-retire{{- end }}
{{- define "quiver.test" -}}{{ include "quiver.fullname" . }}-test{{- end }}
{{- define "quiver.authority" -}}{{ include "quiver.fullname" . }}-authority{{- end }}
{{- define "quiver.routerConfig" -}}{{ include "quiver.fullname" . }}-router{{- end }}

{{- define "quiver.fabricSecret" -}}
{{- default (printf "%s-fabric-secret" (include "quiver.fullname" .)) .Values.fabricSecret.existingSecret }}
{{- end }}

{{- define "quiver.operatorAccount" -}}
{{- default (include "quiver.operator" .) .Values.operator.serviceAccount.name }}
{{- end }}

{{- define "quiver.agentAccount" -}}
{{- default (include "quiver.agent" .) .Values.agent.serviceAccount.name }}
{{- end }}

{{/* Labels of a component: (list $ "operator"). */}}
{{- define "quiver.labels" -}}
{{- $root := index . 0 }}
{{- include "quiver.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: quiver
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "quiver.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "quiver.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Without versions: a pod is replaced when something changes for it, not with each version of the chart. */}}
{{- define "quiver.podLabels" -}}
{{- include "quiver.selectorLabels" . }}
app.kubernetes.io/part-of: quiver
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* An image: (list $ .Values.operator.image). */}}
{{- define "quiver.image" -}}
{{- $root := index . 0 }}
{{- $image := index . 1 }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default $root.Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}

{{/* The mode; an unquoted Off is read as false from YAML. */}}
{{- define "quiver.cniMode" -}}
{{- if kindIs "bool" .Values.cni.mode }}Off{{ else }}{{ .Values.cni.mode }}{{ end }}
{{- end }}

{{- define "quiver.fastPath" -}}
{{- if kindIs "bool" .Values.routerConfig.fastPath }}Off{{ else }}{{ .Values.routerConfig.fastPath }}{{ end }}
{{- end }}

{{/* Pods of ours that have to run before the pod network does. */}}
{{- define "quiver.isPrimary" -}}
{{- if eq (include "quiver.cniMode" .) "Primary" }}true{{ end }}
{{- end }}

{{/* Where agents find a port of the operator. As a primary CNI plugin they cannot resolve names yet: cluster DNS runs in pods. */}}
{{- define "quiver.operatorAddress" -}}
{{- $root := index . 0 }}
{{- $port := index . 1 }}
{{- if include "quiver.isPrimary" $root }}
{{- $variable := printf "%s_SERVICE_HOST" (include "quiver.operator" $root | upper | replace "-" "_") }}
{{- printf (ternary "[$(%s)]:%v" "$(%s):%v" (eq $root.Values.operator.service.ipFamily "IPv6")) $variable $port }}
{{- else }}
{{- printf "%s.%s.svc:%v" (include "quiver.operator" $root) $root.Release.Namespace $port }}
{{- end }}
{{- end }}

{{- define "quiver.scrapeAnnotations" -}}
{{- if (index . 0).Values.metrics.annotations -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ index . 1 | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end }}

{{/* What every container of ours has to live with. */}}
{{- define "quiver.restricted" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "quiver.unprivilegedPod" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Our own taint never keeps our own pods away; a node without pod network does only if they need one. */}}
{{- define "quiver.ownTolerations" -}}
{{- if .Values.nodeTaint }}
- {key: quiver.dev/agent-not-ready, operator: Exists}
{{- end }}
{{- if include "quiver.isPrimary" . }}
- {key: node.kubernetes.io/not-ready, operator: Exists}
- {key: node.kubernetes.io/network-unavailable, operator: Exists}
- {key: node.cloudprovider.kubernetes.io/uninitialized, operator: Exists}
- {key: node-role.kubernetes.io/control-plane, operator: Exists}
{{- end }}
{{- end }}

{{/* Kinds of the Prometheus operator: (list $ "value" "Kind"). */}}
{{- define "quiver.needsMonitoring" -}}
{{- $root := index . 0 }}
{{- if not ($root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" (index . 2))) }}
{{- fail (printf "%s is true, but the cluster has no kind %s: install the Prometheus operator first, or leave it false (offline: helm template --api-versions monitoring.coreos.com/v1/%s)" (index . 1) (index . 2) (index . 2)) }}
{{- end }}
{{- end }}
