import { redactBytes, type Redaction } from "#audit/redact/redact.ts";
import type { Text } from "#audit/text.ts";

/** Takes secrets out of the SQL of one Postgres session, as its server reads it now. A prepared text is looked at once, not at each execution. */
export class SQLRedactor {
  #options = { standardConformingStrings: true, encoding: "UTF8" };
  #last: Buffer | undefined;
  #redaction: Redaction<Text> | undefined;

  /** The server reads SQL otherwise from here on. */
  set(standardConformingStrings: boolean, encoding: string): void {
    this.#options = { standardConformingStrings, encoding };
    this.#last = undefined;
  }

  /** How the server reads SQL now. */
  get reading(): { readonly standardConformingStrings: boolean; readonly encoding: string } {
    return this.#options;
  }

  /** The bytes of `sql` must not change as long as anybody has them. */
  redact(sql: Buffer): Redaction<Text> {
    if (sql === this.#last && this.#redaction !== undefined) {
      return this.#redaction;
    }
    this.#redaction = redactBytes(sql, "postgres", this.#options);
    // Large texts are not kept for a next time that may never come.
    this.#last = sql.length <= keptBytesMax ? sql : undefined;
    return this.#redaction;
  }
}

/** ORMs' statements have some KiB. */
const keptBytesMax = 16_384;
