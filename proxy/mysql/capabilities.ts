/**
 * Capability flags by their bit value. Source: MySQL protocol, "Capabilities Flags"; MariaDB numbers the same ones, save that it
 * clears `longPassword` to say that it is MariaDB and has further flags in the greeting's reserved bytes.
 */
export const capability = {
  longPassword: 0x1,
  foundRows: 0x2,
  longFlag: 0x4,
  connectWithDatabase: 0x8,
  noSchema: 0x10,
  compress: 0x20,
  odbc: 0x40,
  localFiles: 0x80,
  ignoreSpace: 0x100,
  protocol41: 0x200,
  interactive: 0x400,
  tls: 0x800,
  ignoreSigpipe: 0x1000,
  transactions: 0x2000,
  reserved: 0x4000,
  secureConnection: 0x8000,
  multiStatements: 0x1_0000,
  multiResults: 0x2_0000,
  preparedMultiResults: 0x4_0000,
  pluginAuth: 0x8_0000,
  connectAttributes: 0x10_0000,
  pluginAuthLengthEncoded: 0x20_0000,
  sessionTrack: 0x80_0000,
  deprecateEOF: 0x100_0000,
  optionalResultsetMetadata: 0x200_0000,
  queryAttributes: 0x800_0000,
} as const;

/**
 * Flags that the proxy lets client and server agree on: each is either parsed by the command phase or has no effect on it. Not among
 * them, by intent: compression (it would blind the audit), TLS (each leg has its own), LOCAL_FILES (the server would choose a file of
 * the person's), expired passwords (only good for setting a new one), MULTI_FACTOR, CAPABILITY_EXTENSION, and whatever comes later.
 */
const passed =
  capability.longPassword |
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
  capability.queryAttributes;

/** Flags of the login itself, which the proxy speaks on both legs whatever the other leg can. */
const ofLogin =
  capability.connectWithDatabase |
  capability.pluginAuth |
  capability.connectAttributes |
  capability.pluginAuthLengthEncoded;

/** What the client is offered: the server's flags that may pass, and what the proxy itself can in a login. */
export function offeredTo(server: number): number {
  return ((server & passed) | ofLogin) >>> 0;
}

/**
 * What the proxy asks of the server: what the client asked for and the server has. From here on both legs have the same flags, so
 * bytes mean the same on both. The flags of the login are the server's, since that one is between proxy and server.
 */
export function agreedFlags(client: number, server: number): number {
  return ((client & server & passed & ~ofLogin) | (server & ofLogin)) >>> 0;
}
