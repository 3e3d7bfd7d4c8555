/** One AWS service of the sandbox: its wire protocol and its operations. The server finds a service, checks the signature, and calls. */
export interface Service {
  /** Name in the SigV4 credential scope, such as `sso`; also how a request without a target header is routed. */
  readonly signingName: string;
  /** `json` is AWS JSON 1.1 by `X-Amz-Target`; `query` is the AWS query protocol (form in, XML out); `rest-json` routes by method and path. */
  readonly protocol: "json" | "query" | "rest-json";
  /** `json`: prefix of `X-Amz-Target` before the dot. `query`: the `Version`. `rest-json`: unused. */
  readonly target: string;
  /** `query`: the XML namespace of responses. */
  readonly xmlNamespace?: string;
  /** `query`: element name of the items of a list, by the list's own name; `member` where it is not given. */
  readonly listMemberNames?: Readonly<Record<string, string>>;
  /** Further regions that a credential scope may name, for services with a global endpoint (`us-east-1`). */
  readonly signingRegions?: readonly string[];
  /** Operations by their AWS name. An operation that is not here is answered with the service's own unknown-operation error. */
  readonly operations: Readonly<Record<string, Operation>>;
  /** `rest-json` only: where each operation lives. Path parameters are `{name}`. */
  readonly routes?: readonly { method: string; path: string; operation: string }[];
  /** Operations that take no signature (sso portal, sso-oidc). */
  readonly unsigned?: readonly string[];
  /** Operations that change something: the fault plan may throttle, fail or kill before and after their effect. */
  readonly mutating: readonly string[];
}

/**
 * Runs one operation. `input` is the request in the shape of the service model (parsed JSON; for `query`, lists and maps
 * unfolded); the result is in the shape of the model's output. Throw `AwsError` for modelled errors.
 */
export type Operation = (input: Record<string, unknown>, call: Call) => Promise<unknown> | unknown;

/** What the server knows of a request once its signature is verified. */
export interface Call {
  readonly requestID: string;
  readonly region: string;
  /** Undefined only for operations that take no signature. */
  readonly caller: Caller | undefined;
  /** Lower-case header names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Who signed a request. */
export interface Caller {
  readonly accountID: string;
  /** As GetCallerIdentity shows it, e.g. `arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_g…_0123456789abcdef/ada`. */
  readonly arn: string;
  /** As GetCallerIdentity shows it, e.g. `AROA…:ada`. */
  readonly userID: string;
  readonly accessKeyID: string;
  /** `arn:aws:iam::<account>:role/<path><name>` of a session's role; absent for an IAM user. */
  readonly roleARN?: string;
  /**
   * Policies in force for this caller at this moment, read again for each call: a role's policy is what was last
   * provisioned, and a removed role has none. `administrator` may do anything.
   */
  readonly permissions: () => "administrator" | readonly PolicyDocument[];
}

/** An IAM policy document as written in JSON. */
export interface PolicyDocument {
  readonly Version?: string;
  readonly Statement: PolicyStatement | readonly PolicyStatement[];
}

/** One statement. Strings and lists of strings are both legal in IAM. */
export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  /** Trust policies only. */
  readonly Principal?: "*" | Readonly<Record<string, string | readonly string[]>>;
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | boolean | readonly string[]>>>>;
}

/** An error in AWS's own form: `__type` and message in JSON, `<Code>` and `<Message>` in XML. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  /** Further modelled members, such as `Reason` or `RetryAfterSeconds`. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, status = 400, members: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = "AwsError";
    this.code = code;
    this.status = status;
    this.members = members;
  }
}
