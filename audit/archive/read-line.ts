import { tryDecodeRecord } from "../codec.ts";
import { hashLine, parseHead } from "../head-line.ts";
import { headKind } from "../sinks/delivered-head.ts";
import { type LineOwner, recordID, sessionOf } from "../sinks/record-line.ts";
import { exportLine, parseExportLine } from "../store/export.ts";
import type { RawRecord } from "../store/types.ts";
import type { AuditRecord } from "../record.ts";

/** What a delivered line is. */
export type ArchiveLine =
  | { readonly kind: "head"; readonly installation: string; readonly text: string }
  | {
      readonly kind: "record";
      readonly installation: string;
      readonly raw: RawRecord;
      /** Undefined for bytes that are no record, and for one that says of somebody else than its sender that it is his. */
      readonly record: AuditRecord | undefined;
      /** What stands in front of it about whose it is. */
      readonly owner: LineOwner;
    }
  /** It was delivered so by nobody: what it says in front and what it holds do not fit, or it is written otherwise. */
  | { readonly kind: "altered"; readonly detail: string }
  /** Another program's. */
  | { readonly kind: "other" };

const ownerFields = ["grantID", "userName", "database", "databaseName", "engine", "roleName"] as const;

/** Reads what a candidate holds, `line` as it stands and `value` as parsed. No signature and no chain is looked at. */
export function readArchiveLine(line: string, value: object): ArchiveLine {
  const fields = value as Readonly<Record<string, unknown>>;
  if (fields["kind"] === headKind && typeof fields["head"] === "string") {
    return readHead(line, fields, fields["head"]);
  }
  return "storeSeq" in fields && "receivedTime" in fields ? readRecord(line, fields) : { kind: "other" };
}

function readHead(line: string, fields: Readonly<Record<string, unknown>>, text: string): ArchiveLine {
  const head = parseHead(text);
  const expected = { id: hashLine(text), time: head?.time, proxy: head?.proxy, task: head?.task, seq: head?.seq };
  return wrongIn(fields, expected) === undefined && line.endsWith(`,"head":${JSON.stringify(text)}}`)
    ? { kind: "head", installation: installationOf(fields), text }
    : { kind: "altered", detail: `The line ${String(fields["id"])} is not written as its signed head was delivered.` };
}

/** Which of the fields is not as expected. */
function wrongIn(fields: Readonly<Record<string, unknown>>, expected: Readonly<Record<string, unknown>>) {
  return Object.keys(expected).find((name) => fields[name] !== expected[name]);
}

function installationOf({ installation }: Readonly<Record<string, unknown>>): string {
  return typeof installation === "string" ? installation : "nobody";
}

function readRecord(line: string, fields: Readonly<Record<string, unknown>>): ArchiveLine {
  const raw = tryParse(line);
  // One record, one form: what reads the same but is written otherwise was not delivered.
  if (raw === undefined || `{${line.slice(line.indexOf('"storeSeq":'))}` !== exportLine(raw)) {
    return { kind: "altered", detail: `The line ${String(fields["id"])} is not written as it was delivered.` };
  }
  const record = tryDecodeRecord(raw.bytes);
  const wrong = wrongIn(fields, {
    id: recordID(raw),
    kind: record?.kind ?? "unreadable",
    time: record?.time,
    event: record?.kind === "event" ? record.event : undefined,
    session: sessionOf(record),
  });
  if (wrong !== undefined) {
    const detail = `The line ${String(fields["id"])} says in front another ${wrong} than its record does.`;
    return { kind: "altered", detail };
  }
  const isOwn = record !== undefined && record.proxy === raw.proxy && record.task === raw.task;
  const owner = Object.fromEntries(
    ownerFields.filter((name) => name in fields).map((name) => [name, fields[name] as string]),
  );
  return { kind: "record", installation: installationOf(fields), raw, record: isOwn ? record : undefined, owner };
}

/** What a record says of whose it and its session are; undefined where it says nothing. */
export function ownerSaid(record: AuditRecord): LineOwner | undefined {
  if (record.kind === "event") {
    const { grantID, userName, database, role } = record.about;
    return Object.fromEntries(
      Object.entries({ grantID, userName, database, roleName: role }).filter(([, value]) => value !== undefined),
    );
  }
  if (record.kind !== "session.open") {
    return undefined;
  }
  const { grantID, person, database, databaseName, engine, roleName } = record;
  return { grantID, userName: person.userName, database, databaseName, engine, roleName };
}

/** Which of the fields in front say something else than what is known of the owner; undefined where none does. */
export function wrongField(owner: LineOwner, known: LineOwner): string | undefined {
  return ownerFields.find((name) => owner[name] !== undefined && owner[name] !== known[name]);
}

function tryParse(line: string): RawRecord | undefined {
  try {
    const raw = parseExportLine(line);
    return typeof raw.proxy === "string" && typeof raw.task === "string" ? raw : undefined;
  } catch {
    return undefined;
  }
}
