import type { TextSink, TextStore } from "../postgres/stored-text.ts";
import type { Recorder } from "./recorder.ts";
import { SQLWriter, TextWriter } from "./streamed-texts.ts";

/**
 * Where a Postgres session's large texts and values go. `reading`: how its server reads SQL now; `isSuspicious`: whether its judge would
 * look closer at a text.
 */
export function textStore(
  recorder: Recorder,
  reading: () => { readonly standardConformingStrings: boolean; readonly encoding: string },
  isSuspicious: (sql: Buffer) => boolean,
): TextStore {
  return {
    sql: () => new SQLWriter(recorder, { kind: "postgres", ...reading() }, isSuspicious),
    value(binary: boolean, together: number): TextSink | undefined {
      return recorder.omitsParameters ? undefined : new TextWriter(recorder, { kind: "value" }, { binary, together });
    },
  };
}
