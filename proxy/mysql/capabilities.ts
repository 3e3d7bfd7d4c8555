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
