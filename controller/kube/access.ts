import type { Agent } from "node:https";

/** What one request to an API server carries to be let in. Never logged. */
export interface KubeCredentials {
  /** `Authorization`, impersonation and the like. */
  readonly headers: Readonly<Record<string, string>>;
  /** Options of `tls.connect`: certificate authorities, client certificate, server name. */
  readonly tls: Readonly<Record<string, unknown>>;
  /** Takes the place of the transport's own agent where the way to the server leads through a proxy. */
  readonly agent?: Agent;
}

/** One API server and the way to be let in. */
export interface KubeAccess {
  /** Address of the server; it may have a path. */
  readonly server: URL;
  /** Namespace of the kubeconfig's context, or of the pod; undefined where none is named. */
  readonly namespace: string | undefined;
  /** Fresh for each request: tokens are read again from their files, plugins asked again when a token is over. */
  credentials(): Promise<KubeCredentials>;
  /** Forgets what is cached and reads the configuration again, since the server did not accept the credentials. */
  refresh(): Promise<void>;
}
