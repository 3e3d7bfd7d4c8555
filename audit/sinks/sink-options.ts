import type { BatchLimits } from "./sink.ts";
import type { TlsFiles } from "./tls.ts";

/** What every sink has, whatever it delivers to. */
export interface CommonOptions {
  /** Names the cursor and the metrics; unless chosen, the URL without its options. */
  readonly name: string;
  readonly from: "beginning" | "now";
  readonly limits: BatchLimits;
}

/** A sink as it was asked for. */
export type SinkOptions = CommonOptions &
  (
    | { readonly kind: "file"; readonly directory: string; readonly maxBytes: number; readonly maxAgeMs: number }
    | {
        readonly kind: "s3";
        readonly bucket: string;
        readonly prefix: string;
        readonly keyTemplate: string;
        readonly region?: string | undefined;
        readonly endpoint?: string | undefined;
        readonly objectLock?:
          | { readonly mode: "GOVERNANCE" | "COMPLIANCE"; readonly retentionDays: number }
          | undefined;
        readonly kmsKeyID?: string | undefined;
      }
    | {
        readonly kind: "cloudwatch";
        readonly logGroup: string;
        readonly logStream: string;
        readonly region?: string | undefined;
        readonly endpoint?: string | undefined;
      }
    | {
        readonly kind: "otlp";
        readonly url: string;
        /** Lines of `name: value`. Absent: the environment's. */
        readonly headersFile?: string | undefined;
        readonly tls: TlsFiles;
      }
    | {
        readonly kind: "syslog";
        readonly host: string;
        readonly port: number;
        readonly tls?: TlsFiles | undefined;
        readonly maxBytes: number;
        readonly bom: boolean;
        readonly enterprise?: string | undefined;
        readonly confirm: "close" | "written";
      }
  );

export type SinkKind = SinkOptions["kind"];

/** What one batch holds unless asked for otherwise: as much as a destination takes well in one go. */
export const limitsDefault: Readonly<Record<SinkKind, BatchLimits>> = {
  file: { items: 1_000, bytes: 4_194_304, ageMs: 1_000 },
  // One object a minute while there is little, and not more than readers like to hold at once.
  s3: { items: 10_000, bytes: 8_388_608, ageMs: 60_000 },
  // PutLogEvents takes a mebibyte with 26 bytes an event.
  cloudwatch: { items: 5_000, bytes: 900_000, ageMs: 2_000 },
  // Half of what a collector takes in one request by default is 10 MiB, and JSON in JSON is longer than itself.
  otlp: { items: 1_000, bytes: 4_194_304, ageMs: 2_000 },
  syslog: { items: 10_000, bytes: 4_194_304, ageMs: 2_000 },
};
