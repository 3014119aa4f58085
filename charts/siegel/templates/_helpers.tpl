{{- define "siegel.labels" -}}
app.kubernetes.io/name: siegel
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "siegel.selector" -}}
app.kubernetes.io/name: siegel
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "siegel.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- define "siegel.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "siegel.container" -}}
image: {{ include "siegel.image" . }}
imagePullPolicy: IfNotPresent
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* secret gives one key of the Secret to the environment; by file, so that it is in no listing of processes. */}}
{{- define "siegel.secrets" -}}
{{- range . }}
- name: SIEGEL_{{ . | upper | replace "-" "_" }}_FILE
  value: /run/secrets/siegel/{{ . }}
{{- end }}
{{- end }}

{{- define "siegel.egress" -}}
{{- $root := index . 0 }}{{- $store := index . 1 -}}
- ports: [{protocol: TCP, port: {{ $store.port }}}]
  to:
  {{- if $store.cidrs }}
  {{- range $store.cidrs }}
    - ipBlock: {cidr: {{ . | quote }}}
  {{- end }}
  {{- else }}
    - namespaceSelector: {}
  {{- end }}
{{- end }}
