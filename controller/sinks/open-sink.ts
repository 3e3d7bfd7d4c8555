import type { FileStem } from "#audit/sinks/file-names.ts";
import { FileSink } from "#audit/sinks/file.ts";
import { otlpHeaders } from "#audit/sinks/otlp-headers.ts";
import { OtlpSink } from "#audit/sinks/otlp.ts";
import type { RecordLine } from "#audit/sinks/record-line.ts";
import type { SinkOptions } from "#audit/sinks/sink-options.ts";
import type { Sink } from "#audit/sinks/sink.ts";
import { SyslogSink } from "#audit/sinks/syslog.ts";
import type { ControllerWorld } from "../world.ts";

/** What sinks need of the controller's world. */
export type SinkWorld = Pick<ControllerWorld, "options" | "clock" | "environment" | "hostName">;

/** Makes the destination that was asked for, for records or for signed heads. Nothing is connected yet. AWS clients are loaded only where one is needed. */
export async function openSink(sink: SinkOptions, world: SinkWorld, stem: FileStem): Promise<Sink<RecordLine>> {
  const { clock, environment, hostName, options } = world;
  const { installation } = options;
  switch (sink.kind) {
    case "file":
      return new FileSink({ ...sink, stem, clock });
    case "s3": {
      const { S3Sink } = await import("#audit/sinks/s3.ts");
      return new S3Sink({ ...sink, region: sink.region ?? options.region, installation, clock });
    }
    case "cloudwatch": {
      const { CloudWatchSink } = await import("#audit/sinks/cloudwatch.ts");
      return new CloudWatchSink({ ...sink, region: sink.region ?? options.region, clock });
    }
    case "otlp": {
      const headers = otlpHeaders(sink.headersFile, environment);
      return new OtlpSink({ url: new URL(sink.url), tls: sink.tls, headers, installation, clock });
    }
    case "syslog": {
      const { host, port, tls, confirm, maxBytes, bom, enterprise } = sink;
      return new SyslogSink({ host, port, tls, confirm, format: { hostName, maxBytes, bom, enterprise }, clock });
    }
  }
}
