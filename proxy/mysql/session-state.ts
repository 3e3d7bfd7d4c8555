import { capability } from "./capabilities.ts";
import type { SessionEffect } from "./effects.ts";
import type { TransactionState } from "./execution.ts";
import { mariaDBCapability, status } from "./protocol.ts";
import { serverVersion, type ServerVersion } from "./readings.ts";
import type { OKReply } from "./replies.ts";

/** What login told of a session. */
export interface SessionOptions {
  /** Flags that client and server agreed on: not more than `trackedCapabilities`. */
  readonly capabilities: number;
  /** MariaDB's further flags; 0 where none were agreed on. */
  readonly mariaDBCapabilities?: number;
  readonly isMariaDB: boolean;
  /** As the greeting spells it. */
  readonly version?: string;
  /** character_set_client; see `charsetOfCollation`. */
  readonly charset: string;
  /** The database of the login. */
  readonly database?: Buffer | undefined;
  /** Status flags of the OK that ended the login. */
  readonly status?: number;
}

/** Which flags were agreed on, as the command phase asks for them. */
export interface Agreed {
  readonly isMariaDB: boolean;
  readonly isMulti: boolean;
  readonly tracksSession: boolean;
  readonly deprecatesEOF: boolean;
  readonly hasOptionalMetadata: boolean;
  readonly hasAttributes: boolean;
  readonly hasProgress: boolean;
  readonly hasBulk: boolean;
  readonly cachesMetadata: boolean;
}

export function readAgreed({ capabilities, mariaDBCapabilities = 0, isMariaDB }: SessionOptions): Agreed {
  const has = (flag: number): boolean => (capabilities & flag) !== 0;
  const hasMariaDB = (flag: number): boolean => isMariaDB && (mariaDBCapabilities & flag) !== 0;
  return {
    isMariaDB,
    isMulti: has(capability.multiStatements),
    tracksSession: has(capability.sessionTrack),
    deprecatesEOF: has(capability.deprecateEOF),
    hasOptionalMetadata: has(capability.optionalResultsetMetadata),
    hasAttributes: has(capability.queryAttributes),
    hasProgress: hasMariaDB(mariaDBCapability.progress),
    hasBulk: hasMariaDB(mariaDBCapability.bulkOperations),
    cachesMetadata: hasMariaDB(mariaDBCapability.cacheMetadata),
  };
}

/** The state of the server's session that later statements are read by, as the server tells it and as statements that succeeded set it. */
export class SessionState {
  readonly #options: SessionOptions;
  transaction: TransactionState = "idle";
  /** The current database; undefined for none. */
  database: Buffer | undefined;
  /** character_set_client. */
  charset: string;
  noBackslashEscapes = false;
  ansiQuotes = false;
  /** Which executable comments are code. */
  readonly server: ServerVersion | undefined;
  /** Whether the server runs several statements in one text: agreed on, and switched by COM_SET_OPTION. */
  isMulti: boolean;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.server = serverVersion(options.version ?? "", options.isMariaDB);
    this.database = options.database;
    this.charset = options.charset;
    this.isMulti = (options.capabilities & capability.multiStatements) !== 0;
    this.applyStatus(options.status ?? 0);
  }

  applyStatus(flags: number): void {
    this.transaction = (flags & status.inTransaction) === 0 ? "idle" : "transaction";
    this.noBackslashEscapes = (flags & status.noBackslashEscapes) !== 0;
    if (this.#options.isMariaDB) {
      this.ansiQuotes = (flags & status.ansiQuotes) !== 0;
    }
  }

  /** What an OK packet says counts more than what the statement's text says. */
  applyReply({ status: flags, changes }: OKReply): void {
    this.applyStatus(flags);
    if (changes === undefined) {
      return;
    }
    if (changes.database !== undefined) {
      this.database = changes.database.length === 0 ? undefined : changes.database;
    }
    for (const { name, value } of changes.variables) {
      if (name === "character_set_client") {
        this.#setCharset(value.toString("latin1"));
      } else if (name === "sql_mode") {
        this.ansiQuotes = /\bANSI_QUOTES\b/i.test(value.toString("latin1"));
      }
    }
  }

  applyEffects(effects: readonly SessionEffect[], statement: number): void {
    for (const effect of effects) {
      if (effect.statement === statement) {
        this.database = effect.database ?? this.database;
        this.ansiQuotes = this.#options.isMariaDB ? this.ansiQuotes : (effect.ansiQuotes ?? this.ansiQuotes);
        if (effect.charset !== undefined) {
          this.#setCharset(effect.charset);
        }
      }
    }
  }

  /** COM_RESET_CONNECTION: as after the login, but in the database of the moment. */
  reset(): void {
    this.charset = this.#options.charset;
    this.ansiQuotes = false;
  }

  #setCharset(name: string): void {
    this.charset = name === "default" ? this.#options.charset : name;
  }
}
