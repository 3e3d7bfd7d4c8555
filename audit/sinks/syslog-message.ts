import { partsOf } from "./parts.ts";
import type { RecordLine } from "./record-line.ts";
import { type Severity, severityOf } from "./severity.ts";

export interface SyslogFormat {
  /** Of this machine or pod. */
  readonly hostName: string;
  /** Longest message, in bytes, without the octet count. */
  readonly maxBytes: number;
  /** Whether UTF-8 is marked as RFC 5424 6.4 wants it. */
  readonly bom: boolean;
  /** Private enterprise number under which fields are given as structured data too (RFC 5424 7.2.2). Absent: none. */
  readonly enterprise?: string | undefined;
}

/** Facility 13, "log audit" (RFC 5424 6.2.1). */
const facility = 13;
const severities: Readonly<Record<Severity, number>> = { error: 3, warning: 4, info: 6 };
/** Largest `sequenceId`; after it comes 1 again (RFC 5424 7.3.1). */
const sequenceMax = 2_147_483_647;
const byteOrderMark = "\uFEFF";

/** The messages of one record: one, or several where it does not fit into one. Each is as RFC 5424 has it. */
export function syslogMessages(record: RecordLine, format: SyslogFormat): string[] {
  const head = headOf(record, format) + (format.bom ? byteOrderMark : "");
  return partsOf(record, format.maxBytes - Buffer.byteLength(head)).map((text) => head + text);
}

/** Octet counting: what makes of messages a stream (RFC 6587 3.4.1, RFC 5425 4.3). */
export function framed(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`;
}

function headOf(record: RecordLine, { hostName, enterprise }: SyslogFormat): string {
  const priority = facility * 8 + severities[severityOf(record)];
  const time = new Date(record.timeMs).toISOString();
  const own = enterprise === undefined ? "" : ownData(record, enterprise);
  // Signed lines have numbers of their own, which would look like repetitions.
  const data = record.storeSeq === undefined ? own : `[meta sequenceId="${sequenceOf(record.storeSeq)}"]${own}`;
  const messageID = name(record.event ?? record.kind, 32);
  return `<${priority}>1 ${time} ${name(hostName, 255)} sallyport - ${messageID} ${data === "" ? "-" : data} `;
}

function sequenceOf(position: number): number {
  return ((position - 1) % sequenceMax) + 1;
}

function ownData({ id, session, owner }: RecordLine, enterprise: string): string {
  const { grantID, userName, database, roleName } = owner ?? {};
  const parameters = Object.entries({ id, session, grantID, userName, database, roleName })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(value ?? "")}"`);
  return `[sallyport@${enterprise}${parameters.join("")}]`;
}

/** RFC 5424 6.3.3. */
function escaped(value: string): string {
  return value.replaceAll(/["\\\]]/g, (character) => `\\${character}`);
}

/** Printable ASCII without spaces; `-` where there is nothing (RFC 5424 6). */
function name(text: string, max: number): string {
  const plain = text.replaceAll(/[^\u0021-\u007e]/g, "").slice(0, max);
  return plain === "" ? "-" : plain;
}
