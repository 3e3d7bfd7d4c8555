{{- /* Arguments for what is set of the values that are options of `sallyport controller`. Secrets are files. */ -}}
{{- define "sallyport.options" -}}
{{- $values := .Values -}}
{{- $files := "/etc/sallyport" -}}
{{- $args := list -}}
{{- with .Values.auditStore }}{{ if .secretName }}
{{- $args = append $args (printf "--audit-store-url-file=%s/audit-store/%s" $files .secretKey) }}
{{- end }}{{ end }}
{{- with .Values.headKey }}
{{- if .kmsKeyARN }}{{ $args = append $args (printf "--head-key=kms:%s" .kmsKeyARN) }}{{ end }}
{{- if .secretName }}{{ $args = append $args (printf "--head-key=%s/head-key/%s" $files .secretKey) }}{{ end }}
{{- if .formerKeys.configMapName }}
{{- $args = append $args (printf "--head-former-keys=%s/head-former-keys/%s" $files .formerKeys.key) }}
{{- end }}
{{- end }}
{{- with .Values.auditRetentionDays }}{{ $args = append $args (printf "--audit-retention=%d" (int .)) }}{{ end }}
{{- range .Values.auditSinks }}{{ $args = append $args (printf "--audit-sink=%s" .) }}{{ end }}
{{- with .Values.oidc }}{{ if .issuer }}
{{- $args = concat $args (list (printf "--oidc-issuer=%s" .issuer) (printf "--oidc-client-id=%s" .clientID)) }}
{{- if .cliClientID }}{{ $args = append $args (printf "--oidc-cli-client-id=%s" .cliClientID) }}{{ end }}
{{- if .secretName }}{{ $args = append $args (printf "--oidc-client-secret-file=%s/oidc/%s" $files .secretKey) }}{{ end }}
{{- if .usernameClaim }}{{ $args = append $args (printf "--oidc-username-claim=%s" .usernameClaim) }}{{ end }}
{{- end }}{{ end }}
{{- with .Values.slack }}{{ if .secretName }}
{{- $args = append $args (printf "--slack-token-file=%s/slack/%s" $files .tokenKey) }}
{{- $args = append $args (printf "--slack-signing-secret-file=%s/slack/%s" $files .signingSecretKey) }}
{{- $args = append $args (printf "--slack-channel=%s" .channel) }}
{{- if .approveInConsole }}{{ $args = append $args "--slack-approve-in-console" }}{{ end }}
{{- if .apiURL }}{{ $args = append $args (printf "--slack-api-url=%s" .apiURL) }}{{ end }}
{{- end }}{{ end }}
{{- range .Values.webhooks.urls }}{{ $args = append $args (printf "--webhook-url=%s" .) }}{{ end }}
{{- if .Values.webhooks.urls }}
{{- $args = append $args (printf "--webhook-secret-file=%s/webhooks/%s" $files .Values.webhooks.secretKey) }}
{{- end }}
{{- if not .Values.console.enabled }}{{ $args = append $args "--console=off" }}{{ end }}
{{- if .Values.metrics.secure }}{{ $args = append $args "--metrics-secure" }}{{ end }}
{{- if $args }}{{ toYaml $args }}{{ end }}
{{- end }}

{{- /* What is mounted below /etc/sallyport, by its name there: readable by the controller's group and nobody else. */ -}}
{{- define "sallyport.files" -}}
{{- $secrets := dict
  "audit-sinks" .Values.auditSinkFiles.secretName
  "audit-store" .Values.auditStore.secretName
  "head-key" .Values.headKey.secretName
  "oidc" .Values.oidc.secretName
  "slack" .Values.slack.secretName
  "webhooks" .Values.webhooks.secretName -}}
{{- $files := dict -}}
{{- range $name, $secret := $secrets }}{{ if $secret }}
{{- $_ := set $files $name (dict "secret" (dict "secretName" $secret "defaultMode" 0o440)) }}
{{- end }}{{ end }}
{{- $maps := dict "head-former-keys" .Values.headKey.formerKeys.configMapName "trusted-ca" .Values.trustedCA.configMapName -}}
{{- range $name, $map := $maps }}{{ if $map }}
{{- $_ := set $files $name (dict "configMap" (dict "name" $map)) }}
{{- end }}{{ end }}
{{- with .Values.auditStore }}{{ if and .secretName (or .ca.configMapName .ca.secretName) }}
{{- $items := list (dict "key" .ca.key "path" "ca.crt") }}
{{- $ca := dict "configMap" (dict "name" .ca.configMapName "items" $items) }}
{{- if .ca.secretName }}{{ $ca = dict "secret" (dict "name" .ca.secretName "items" $items) }}{{ end }}
{{- $url := dict "secret" (dict "name" .secretName) }}
{{- $_ := set $files "audit-store" (dict "projected" (dict "defaultMode" 0o440 "sources" (list $url $ca))) }}
{{- end }}{{ end }}
{{- toYaml $files }}
{{- end }}

{{- /* TCP ports of what the values name, without those that the network policy has anyway. The schemes' own ports are as in docs/sinks.md. */ -}}
{{- define "sallyport.egressPorts" -}}
{{- $own := dict "otlp+http" 80 "syslog+tls" 6514 "syslog+tcp" 514 -}}
{{- $ports := .Values.networkPolicy.egressPorts -}}
{{- if .Values.auditStore.secretName }}{{ $ports = append $ports .Values.auditStore.port }}{{ end }}
{{- range concat (list .Values.oidc.issuer .Values.slack.apiURL) .Values.auditSinks .Values.webhooks.urls }}
{{- $url := urlParse . }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (get $own $url.scheme) }}
{{- if $port }}{{ $ports = append $ports $port }}{{ end }}
{{- end }}
{{- $numbers := list }}
{{- range $ports }}{{ if not (has (int .) (list 443 6443)) }}{{ $numbers = append $numbers (int .) }}{{ end }}{{ end }}
{{- uniq $numbers | toJson }}
{{- end }}

{{- /* Refuses values that only make sense together. The controller would refuse them too, when it starts. */ -}}
{{- define "sallyport.check" -}}
{{- with .Values.oidc }}
{{- if and .issuer (not .clientID) }}{{ fail "oidc.issuer needs oidc.clientID" }}{{ end }}
{{- if and (not .issuer) (or .clientID .cliClientID .usernameClaim .secretName) }}
{{- fail "the other values of oidc say nothing without oidc.issuer" }}
{{- end }}
{{- end }}
{{- with .Values.headKey }}
{{- if and .kmsKeyARN .secretName }}{{ fail "headKey.kmsKeyARN or headKey.secretName, not both" }}{{ end }}
{{- end }}
{{- with .Values.auditStore }}
{{- if and .secretName $.Values.leaderElection.enabled (not $.Values.headKey.kmsKeyARN) (not $.Values.headKey.secretName) }}
{{- fail "auditStore needs headKey.kmsKeyARN or headKey.secretName: replicas that share an audit store must sign with one key" }}
{{- end }}
{{- if and .ca.configMapName .ca.secretName }}{{ fail "auditStore.ca.configMapName or auditStore.ca.secretName, not both" }}{{ end }}
{{- if and (not .secretName) (or .ca.configMapName .ca.secretName) }}{{ fail "auditStore.ca says nothing without auditStore.secretName" }}{{ end }}
{{- end }}
{{- if ne (empty .Values.webhooks.urls) (empty .Values.webhooks.secretName) }}
{{- fail "webhooks needs both urls and secretName: receivers know our events by their signature" }}
{{- end }}
{{- with .Values.slack }}
{{- if ne (empty .channel) (empty .secretName) }}{{ fail "slack needs both channel and secretName" }}{{ end }}
{{- if and (not .secretName) (or .approveInConsole .apiURL) }}{{ fail "the other values of slack say nothing without slack.secretName" }}{{ end }}
{{- end }}
{{- end }}
