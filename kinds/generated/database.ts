// Generated from crds/ by `npm run generate`. Do not edit: change the CRD and generate again.
import type { ObjectMeta } from "../meta.ts";
import type { Condition } from "./condition.ts";

/** One database that people can be given access to, and the roles it offers. No passwords are kept in it. */
export interface Database {
  readonly apiVersion: "sallyport.dev/v1alpha1";
  readonly kind: "Database";
  readonly metadata: ObjectMeta;
  readonly spec: DatabaseSpec;
  readonly status?: DatabaseStatus;
}

/** Where the database is, how it is reached, and as whom. Exactly one of `rds` and `endpoint` is set. */
export interface DatabaseSpec {
  /** Wire protocol and dialect. Immutable. */
  readonly engine: "PostgreSQL" | "MySQL" | "MariaDB";
  /** The Proxy that reaches the database. */
  readonly proxyRef: DatabaseSpecProxyRef;
  /** The database by its RDS name; the endpoint is looked up and followed. Exactly one member is set. */
  readonly rds?: DatabaseSpecRds;
  /** The database by its address. */
  readonly endpoint?: DatabaseSpecEndpoint;
  /** Database inside the server that people are connected to. (at most 64 characters) */
  readonly databaseName: string;
  /** How the server's certificate is checked. TLS is always used. */
  readonly tls?: DatabaseSpecTls;
  /** What recording of statements promises for this database. */
  readonly audit?: DatabaseSpecAudit;
  /** What becomes of statements that endanger others who share a database user: changing its password or name, settings that its next session inherits, ending or reading another session. All are marked in the audit trail and on the Grant, whatever is said here. Absent means Flag. */
  readonly sharedUserHazards?: DatabaseSpecSharedUserHazards;
  /** Database users that people can be given. (at most 32) */
  readonly roles: readonly DatabaseSpecRole[];
}

/** The Proxy that reaches the database. */
export interface DatabaseSpecProxyRef {
  /** Name of the Proxy, in the same namespace. (at most 63 characters) */
  readonly name: string;
}

/** The database by its RDS name; the endpoint is looked up and followed. Exactly one member is set. */
export interface DatabaseSpecRds {
  /** DB instance identifier. (at most 63 characters) */
  readonly instanceIdentifier?: string;
  /** Aurora or Multi-AZ cluster identifier; its writer endpoint is used. (at most 63 characters) */
  readonly clusterIdentifier?: string;
}

/** The database by its address. */
export interface DatabaseSpecEndpoint {
  /** DNS name or IPv4 address. (at most 253 characters) */
  readonly host: string;
  /** TCP port. (1…65535) */
  readonly port: number;
}

/** How the server's certificate is checked. TLS is always used. */
export interface DatabaseSpecTls {
  /** VerifyFull checks chain and host name, VerifyCA the chain alone. An absent `tls` means VerifyFull. */
  readonly mode: "VerifyFull" | "VerifyCA";
}

/** What recording of statements promises for this database. */
export interface DatabaseSpecAudit {
  /** Where a record must be before its statement is forwarded: Written in the operating system, Synced on the device, Remote in the control plane. Absent means Written. */
  readonly durability?: "Written" | "Synced" | "Remote";
  /** When the spool cannot take a record: Deny the statement, or forward it and write a Gap record. Absent means Deny. */
  readonly onFull?: "Deny" | "Gap";
  /** Whether the values of bound parameters are recorded. Absent means Record. */
  readonly parameters?: "Record" | "Omit";
  /** Who may see what was done: Principal the person themselves, Reviewer whose review of the Grant counted, Auditor the members of the installation's auditor group. Administrators see nothing by being that. Absent means all three, an empty list nobody. Every look is recorded. (at most 3) */
  readonly viewers?: readonly ("Principal" | "Reviewer" | "Auditor")[];
}

/** What becomes of statements that endanger others who share a database user: changing its password or name, settings that its next session inherits, ending or reading another session. All are marked in the audit trail and on the Grant, whatever is said here. Absent means Flag. */
export interface DatabaseSpecSharedUserHazards {
  /** Flag forwards such statements, Deny refuses them and keeps the session. Deny also refuses sessions that inherit a setting which `expectedSettings` does not name. */
  readonly policy: "Flag" | "Deny";
  /** The same for statements that only read what other sessions run (`pg_stat_activity`, SHOW PROCESSLIST), which graphical clients do by themselves. Absent: as `policy`. */
  readonly sessionReads?: "Flag" | "Deny";
  /** Settings that administrators gave to the role or the database on purpose (ALTER ROLE … SET): `name` for any value, `name=value` for that one. PostgreSQL only. Absent means none. (at most 64) */
  readonly expectedSettings?: readonly string[];
}

/** One role. */
export interface DatabaseSpecRole {
  /** Name that Grants and Availabilities use. (at most 63 characters) */
  readonly name: string;
  /** Database user that the proxy signs in as. (at most 63 characters) */
  readonly username: string;
  /** How the proxy proves to be that user. Exactly one member is set. */
  readonly credentials: DatabaseSpecRoleCredentials;
  /** Another address for this role, a reader endpoint for instance. Absent: the database's own. */
  readonly endpoint?: DatabaseSpecRoleEndpoint;
  /** Port suggested on the person's computer, so that connection strings stay the same. Absent: the command line chooses. (1024…65535) */
  readonly localPort?: number;
}

/** How the proxy proves to be that user. Exactly one member is set. */
export interface DatabaseSpecRoleCredentials {
  /** Password from AWS Secrets Manager. */
  readonly secretsManager?: DatabaseSpecRoleCredentialsSecretsManager;
  /** IAM database authentication with the proxy's task role, which needs rds-db:connect for this user; it has no fields. The endpoint must be RDS's own name, since a token is signed for it. */
  readonly iam?: { readonly [key: string]: never };
}

/** Password from AWS Secrets Manager. */
export interface DatabaseSpecRoleCredentialsSecretsManager {
  /** The secret: JSON with `password`, as RDS writes it. (at most 1024 characters) */
  readonly secretARN: string;
}

/** Another address for this role, a reader endpoint for instance. Absent: the database's own. */
export interface DatabaseSpecRoleEndpoint {
  /** DNS name or IPv4 address. (at most 253 characters) */
  readonly host: string;
  /** TCP port. (1…65535) */
  readonly port: number;
}

/** What was found. Written by the controller only. */
export interface DatabaseStatus {
  /** The metadata.generation that this status was last settled for. */
  readonly observedGeneration?: number;
  /** The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on. (at most 256 characters) */
  readonly lastHandledReconcileAt?: string;
  /** What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties). (at most 16) */
  readonly conditions?: readonly Condition[];
  /** The resolved address. */
  readonly endpoint?: DatabaseStatusEndpoint;
  /** Version that the server reports. (at most 256 characters) */
  readonly engineVersion?: string;
}

/** The resolved address. */
export interface DatabaseStatusEndpoint {
  /** DNS name or IPv4 address. (at most 253 characters) */
  readonly host: string;
  /** TCP port. (1…65535) */
  readonly port: number;
}
