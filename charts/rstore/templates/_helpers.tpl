{{- define "rstore.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* Of what is in no namespace: releases in several namespaces may have one name, and neither has a colon. */}}
{{- define "rstore.clusterName" -}}
{{ .Release.Namespace }}:{{ include "rstore.fullname" . }}
{{- end }}

{{- define "rstore.selectorLabels" -}}
app.kubernetes.io/name: rstore-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "rstore.labels" -}}
{{ include "rstore.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "rstore.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "rstore.fullname" .) .Values.serviceAccount.name }}{{ else }}{{ required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{/* What the operator does to the objects of stores: the same in one namespace, several, or all. */}}
{{- define "rstore.rules" -}}
- apiGroups: [rstore.dev]
  resources: [replicatedstores]
  verbs: [get, list, watch, patch]
- apiGroups: [rstore.dev]
  resources: [replicatedstores/status]
  verbs: [update]
- apiGroups: [rstore.dev]
  resources: [replicatedstores/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch, delete]
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [list, watch, delete]
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
