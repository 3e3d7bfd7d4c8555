import type { RecordLine } from "./record-line.ts";
import { type Severity, severityOf } from "./severity.ts";
import type { SinkItem } from "./sink.ts";

/** SeverityNumber of the OpenTelemetry log data model. */
const severityNumbers: Readonly<Record<Severity, number>> = { info: 9, warning: 13, error: 17 };
const severityTexts: Readonly<Record<Severity, string>> = { info: "INFO", warning: "WARN", error: "ERROR" };

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue: string };
}

/**
 * An ExportLogsServiceRequest in the JSON encoding of OTLP 1.x (OTLP specification, "JSON Protobuf Encoding"): 64-bit numbers are decimal
 * strings, enumerations are numbers. The body of each record is the line that all sinks deliver.
 */
export function exportLogsRequest(items: readonly SinkItem<RecordLine>[], installation: string): string {
  return JSON.stringify({
    resourceLogs: [
      {
        resource: {
          attributes: attributes({ "service.name": "sallyport", "sallyport.installation": installation }),
        },
        scopeLogs: [{ scope: { name: "sallyport.audit" }, logRecords: items.map(logRecord) }],
      },
    ],
  });
}

function logRecord({ value, receivedMs }: SinkItem<RecordLine>) {
  const { id, kind, line, timeMs, storeSeq, headLine, proxy, session, owner, event } = value;
  const severity = severityOf(value);
  return {
    timeUnixNano: nanos(timeMs),
    observedTimeUnixNano: nanos(receivedMs),
    severityNumber: severityNumbers[severity],
    severityText: severityTexts[severity],
    eventName: `sallyport.${event ?? kind}`,
    body: { stringValue: line },
    attributes: attributes({
      // OpenTelemetry semantic conventions, "General logs attributes".
      "log.record.uid": id,
      "sallyport.kind": kind,
      "sallyport.store_seq": storeSeq?.toString(),
      "sallyport.head_line": headLine?.toString(),
      "sallyport.proxy": proxy,
      "sallyport.session": session,
      "sallyport.grant_id": owner?.grantID,
      "sallyport.database": owner?.database,
      "sallyport.role": owner?.roleName,
      "user.name": owner?.userName,
    }),
  };
}

function attributes(values: Readonly<Record<string, string | undefined>>): KeyValue[] {
  return Object.entries(values).flatMap(([key, stringValue]) =>
    stringValue === undefined ? [] : [{ key, value: { stringValue } }],
  );
}

/** Nanoseconds since 1970, decimal. */
function nanos(ms: number): string {
  return `${BigInt(Math.trunc(ms)) * 1_000_000n}`;
}
