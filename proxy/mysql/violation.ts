/**
 * Error numbers that the proxy itself sends, with their SQLSTATE. Source: MySQL 8.4 Error Message Reference; clients decide by the
 * number, so each is one that a server would send in the same case.
 */
export const errors = {
  /** ER_HANDSHAKE_ERROR: the login is not one. */
  handshake: { errno: 1043, sqlState: "08S01" },
  /** ER_DBACCESS_DENIED_ERROR. */
  databaseDenied: { errno: 1044, sqlState: "42000" },
  /** ER_ACCESS_DENIED_ERROR. */
  accessDenied: { errno: 1045, sqlState: "28000" },
  /** ER_UNKNOWN_COM_ERROR: the command is not served here. */
  unknownCommand: { errno: 1047, sqlState: "08S01" },
  /** ER_NO_SUCH_THREAD. */
  noSuchThread: { errno: 1094, sqlState: "HY000" },
  /** ER_KILL_DENIED_ERROR. */
  killDenied: { errno: 1095, sqlState: "HY000" },
  /** ER_UNKNOWN_ERROR: the text says it all. */
  unknown: { errno: 1105, sqlState: "HY000" },
  /** ER_SPECIFIC_ACCESS_DENIED_ERROR: policy refuses the statement. */
  refusedByPolicy: { errno: 1227, sqlState: "42000" },
  /** ER_NET_PACKETS_OUT_OF_ORDER. */
  packetOrder: { errno: 1156, sqlState: "08S01" },
  /** ER_NET_PACKET_TOO_LARGE. */
  packetTooLarge: { errno: 1153, sqlState: "08S01" },
  /** ER_NOT_ALLOWED_COMMAND: what servers say where LOAD DATA LOCAL is off. */
  notAllowed: { errno: 1148, sqlState: "42000" },
  /** ER_WRONG_ARGUMENTS: values of a prepared statement that do not fit it. */
  wrongArguments: { errno: 1210, sqlState: "HY000" },
  /** ER_QUERY_INTERRUPTED: what a client reads whose work was ended from outside. */
  interrupted: { errno: 1317, sqlState: "70100" },
  /** ER_MALFORMED_PACKET. */
  malformed: { errno: 1835, sqlState: "HY000" },
  /** ER_ERROR_ON_WRITE: the audit record could not be written. */
  notWritten: { errno: 1026, sqlState: "HY000" },
  /** ER_SECURE_TRANSPORT_REQUIRED is for servers; a client that asks for TLS where none is gets CR_SSL_CONNECTION_ERROR's twin. */
  noTLS: { errno: 1105, sqlState: "08S01" },
  /** The server behind the proxy cannot be reached: ER_CONNECT_TO_FOREIGN_DATA_SOURCE, what federated tables say. */
  unreachable: { errno: 1429, sqlState: "08006" },
} as const;

/** Number and SQLSTATE of an error. */
export interface ErrorCode {
  readonly errno: number;
  readonly sqlState: string;
}

/**
 * The other side broke the protocol, or asked for more than a limit allows. The connection cannot go on, since no later byte can be
 * trusted. Its message is shown to the client and holds no secret.
 */
export class MySqlViolation extends Error {
  readonly errno: number;
  readonly sqlState: string;

  constructor(message: string, { errno, sqlState }: ErrorCode = errors.malformed) {
    super(message);
    this.name = "MySqlViolation";
    this.errno = errno;
    this.sqlState = sqlState;
  }
}
