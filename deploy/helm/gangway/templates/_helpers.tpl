{{- define "gangway.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "gangway.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gangway.labels" -}}
{{ include "gangway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "gangway.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* A variable from a Secret that is there already; nothing when none is named. Arguments: the variable's name, and the reference. */}}
{{- define "gangway.secret" -}}
{{- if .ref.secret }}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .ref.secret }}
      key: {{ .ref.key }}
{{- end }}
{{- end }}

{{- define "gangway.databaseSecrets" -}}
{{- include "gangway.secret" (dict "name" "DATABASE_URL" "ref" .Values.secrets.databaseUrl) }}
{{- include "gangway.secret" (dict "name" "DATABASE_SYSTEM_URL" "ref" .Values.secrets.systemDatabaseUrl) }}
{{- include "gangway.secret" (dict "name" "DATABASE_MIGRATION_URL" "ref" .Values.secrets.migrationDatabaseUrl) }}
{{- end }}

{{- define "gangway.allSecrets" -}}
{{- include "gangway.secret" (dict "name" "GANGWAY_MASTER_KEY" "ref" .Values.secrets.masterKey) }}
{{- include "gangway.secret" (dict "name" "GANGWAY_MASTER_KEY_PREVIOUS" "ref" .Values.secrets.previousMasterKeys) }}
{{- include "gangway.databaseSecrets" . }}
{{- include "gangway.secret" (dict "name" "REDIS_URL" "ref" .Values.secrets.redisUrl) }}
{{- end }}

{{- define "gangway.podSettings" -}}
automountServiceAccountToken: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "gangway.containerSettings" -}}
image: {{ include "gangway.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{/* Annotations and labels of a pod. The checksum starts pods anew when the settings change. */}}
{{- define "gangway.podMetadata" -}}
annotations:
  checksum/config: {{ .root.Values.config | sha256sum }}
  {{- with .root.Values.podAnnotations }}{{ toYaml . | nindent 2 }}{{ end }}
labels:
  {{- include "gangway.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  {{- with .root.Values.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}

{{/* An embedded database may be brought up to date before anything is answered. */}}
{{- define "gangway.alive" -}}
startupProbe:
  httpGet: { path: /healthz, port: metrics }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 360
livenessProbe:
  httpGet: { path: /healthz, port: metrics }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{/* A short outage of the database is answered by the API itself, with when to come again. */}}
{{- define "gangway.ready" -}}
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{- define "gangway.configVolume" -}}
- name: config
  configMap: { name: {{ include "gangway.name" . }} }
{{- end }}
