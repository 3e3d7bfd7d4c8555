/**
 * Numbers of the PostgreSQL frontend/backend protocol, version 3.
 * Source: PostgreSQL documentation, "Frontend/Backend Protocol", chapters "Message Formats" and "Message Flow".
 */

/** First word of the untagged packets that open a connection. */
export const requestCode = { cancel: 80877102, ssl: 80877103, gssenc: 80877104 } as const;
/** Protocol versions as they stand in a startup packet. */
export const version30 = 0x0003_0000;
export const version32 = 0x0003_0002;

/** Type bytes of messages from the client, as char codes. */
export const front = {
  query: 0x51,
  parse: 0x50,
  bind: 0x42,
  execute: 0x45,
  describe: 0x44,
  close: 0x43,
  sync: 0x53,
  flush: 0x48,
  functionCall: 0x46,
  terminate: 0x58,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  password: 0x70,
} as const;

/** Type bytes of messages from the server, as char codes. */
export const back = {
  authentication: 0x52,
  backendKeyData: 0x4b,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  copyBothResponse: 0x57,
  copyData: 0x64,
  copyDone: 0x63,
  copyInResponse: 0x47,
  copyOutResponse: 0x48,
  dataRow: 0x44,
  emptyQuery: 0x49,
  error: 0x45,
  functionResult: 0x56,
  negotiateVersion: 0x76,
  noData: 0x6e,
  notice: 0x4e,
  notification: 0x41,
  parameterDescription: 0x74,
  parameterStatus: 0x53,
  parseComplete: 0x31,
  portalSuspended: 0x73,
  readyForQuery: 0x5a,
  rowDescription: 0x54,
} as const;

/** SQLSTATE codes that the proxy itself sends. Source: PostgreSQL documentation, appendix "Error Codes". */
export const sqlState = {
  /** admin_shutdown: the session is ended from outside. */
  ended: "57P01",
  /** cannot_connect_now: another try may succeed. */
  notNow: "57P03",
  protocolViolation: "08P01",
  connectionFailure: "08006",
  invalidAuthorization: "28000",
  unknownDatabase: "3D000",
  featureNotSupported: "0A000",
  /** insufficient_privilege. */
  refusedByPolicy: "42501",
  limitExceeded: "54000",
  tooManyConnections: "53300",
  ioError: "58030",
  /** internal_error. */
  internalError: "XX000",
} as const;

/** Bytes of a cancel key: 4 under protocol 3.0, up to 256 under 3.2. */
export const cancelKeyBytes = { min: 4, max: 256 } as const;
/** Largest startup packet; the server's own limit (MAX_STARTUP_PACKET_LENGTH). */
export const startupBytesMax = 10_000;
/** Largest length word of a small message; the server's own limit (PQ_SMALL_MESSAGE_LIMIT). */
export const smallMessageBytesMax = 10_000;
/** Largest length word of any message; the server's own limit (MaxAllocSize, 1 GiB less one). */
export const largeMessageBytesMax = 0x3fff_ffff;

/**
 * The other side broke the protocol, or asked for more than a limit allows. The connection cannot go on, since no later
 * byte can be trusted. Its message is shown to the client and holds no secret.
 */
export class ProtocolViolation extends Error {
  readonly sqlState: string;

  constructor(message: string, state: string = sqlState.protocolViolation) {
    super(message);
    this.name = "ProtocolViolation";
    this.sqlState = state;
  }
}
