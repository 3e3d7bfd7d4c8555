import { capability } from "./capabilities.ts";

/**
 * Numbers of the command phase. Sources: MySQL protocol, "Command Phase" and "Status Flags"; MariaDB, "Client/Server Protocol".
 */

/** First byte of a client's packet. */
export const command = {
  quit: 0x01,
  initDB: 0x02,
  query: 0x03,
  fieldList: 0x04,
  refresh: 0x07,
  statistics: 0x09,
  processInfo: 0x0a,
  processKill: 0x0c,
  debug: 0x0d,
  ping: 0x0e,
  prepare: 0x16,
  execute: 0x17,
  sendLongData: 0x18,
  closeStatement: 0x19,
  resetStatement: 0x1a,
  setOption: 0x1b,
  fetch: 0x1c,
  resetConnection: 0x1f,
  /** MariaDB. */
  bulkExecute: 0xfa,
} as const;

/** First byte of a server's packet, where its state lets it be one of these. */
export const reply = { ok: 0x00, localFile: 0xfb, eof: 0xfe, error: 0xff } as const;

/** Status flags of OK and EOF packets. */
export const status = {
  inTransaction: 0x0001,
  moreResults: 0x0008,
  cursorExists: 0x0040,
  lastRowSent: 0x0080,
  noBackslashEscapes: 0x0200,
  sessionStateChanged: 0x4000,
  /** MariaDB only. */
  ansiQuotes: 0x8000,
} as const;

/** MariaDB's further flags, as they stand in the greeting's reserved bytes. */
export const mariaDBCapability = {
  progress: 0x01,
  bulkOperations: 0x04,
  extendedMetadata: 0x08,
  cacheMetadata: 0x10,
} as const;

/**
 * Flags with which the command phase can be followed. Any other one would change what bytes mean: it must not be agreed on with
 * client and server. PROTOCOL_41 must be.
 */
export const trackedCapabilities = {
  mysql:
    (capability.longPassword |
      capability.foundRows |
      capability.longFlag |
      capability.connectWithDatabase |
      capability.noSchema |
      capability.odbc |
      capability.ignoreSpace |
      capability.protocol41 |
      capability.interactive |
      capability.ignoreSigpipe |
      capability.transactions |
      capability.reserved |
      capability.secureConnection |
      capability.multiStatements |
      capability.multiResults |
      capability.preparedMultiResults |
      capability.pluginAuth |
      capability.connectAttributes |
      capability.pluginAuthLengthEncoded |
      capability.sessionTrack |
      capability.deprecateEOF |
      capability.optionalResultsetMetadata |
      capability.queryAttributes) >>>
    0,
  mariaDB:
    mariaDBCapability.progress |
    mariaDBCapability.bulkOperations |
    mariaDBCapability.extendedMetadata |
    mariaDBCapability.cacheMetadata,
} as const;

/** Payload of a packet that is continued by the next one (MySQL protocol, "Sending More Than 16Mb"). */
export const fullPacketBytes = 0xff_ffff;
/** Statement id of MariaDB that means the statement prepared last. */
export const lastPreparedID = 0xffff_ffff;
