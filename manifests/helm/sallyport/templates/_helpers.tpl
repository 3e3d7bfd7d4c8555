{{- define "sallyport.labels" -}}
app.kubernetes.io/name: sallyport
app.kubernetes.io/component: controller
{{- end }}

{{- define "sallyport.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- /* What the controller is told through its environment; its arguments name these. */ -}}
{{- define "sallyport.configuration" -}}
AWS_REGION: {{ .Values.region | quote }}
INSTALLATION: {{ .Values.installation | quote }}
PUBLIC_URL: {{ .Values.publicURL | quote }}
START_URL: {{ .Values.startURL | quote }}
{{- end }}
