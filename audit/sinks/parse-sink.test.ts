import { describe, expect, it } from "vitest";
import { parseSink } from "./parse-sink.ts";

describe("a sink's URL", () => {
  it("of files names a directory", () => {
    expect(parseSink("file:///var/log/sally%20port?maxBytes=1000&maxAgeSeconds=60")).toEqual({
      kind: "file",
      name: "file:///var/log/sally%20port",
      from: "beginning",
      limits: { items: 1_000, bytes: 4_194_304, ageMs: 1_000 },
      directory: "/var/log/sally port",
      maxBytes: 1_000,
      maxAgeMs: 60_000,
    });
  });

  it("of S3 names a bucket and a prefix, and how long objects are held", () => {
    const sink = parseSink(
      "s3://audit-logs/a/b/?region=eu-west-1&objectLock=COMPLIANCE&retentionDays=365&batchSeconds=300&from=now&name=archive",
    );

    expect(sink).toMatchObject({
      kind: "s3",
      name: "archive",
      from: "now",
      limits: { ageMs: 300_000 },
      bucket: "audit-logs",
      prefix: "a/b",
      region: "eu-west-1",
      objectLock: { mode: "COMPLIANCE", retentionDays: 365 },
    });
  });

  it.each([
    ["cloudwatch:///sallyport/audit/trail", "/sallyport/audit", "trail"],
    ["cloudwatch://audit/trail", "audit", "trail"],
    ["cloudwatch://%2Faws%2Faudit/trail", "/aws/audit", "trail"],
  ])("of CloudWatch Logs names a group and a stream: %s", (url, logGroup, logStream) => {
    expect(parseSink(url)).toMatchObject({ kind: "cloudwatch", logGroup, logStream });
  });

  it.each([
    ["otlp+https://collector.example.com", "https://collector.example.com/v1/logs"],
    ["otlp+https://collector.example.com:4318/tenant/v1/logs", "https://collector.example.com:4318/tenant/v1/logs"],
    ["otlp+http://127.0.0.1:4318/v1/logs", "http://127.0.0.1:4318/v1/logs"],
  ])("of OTLP is an address: %s", (url, address) => {
    expect(parseSink(url)).toMatchObject({ kind: "otlp", url: address });
  });

  it.each([
    ["syslog+tls://logs.example.com", { host: "logs.example.com", port: 6_514, tls: {} }],
    [
      "syslog+tls://[2001:db8::1]:1234?caFile=/ca.pem",
      { host: "2001:db8::1", port: 1_234, tls: { caFile: "/ca.pem" } },
    ],
    ["syslog+tcp://localhost", { host: "localhost", port: 514, tls: undefined }],
    ["syslog+tcp://10.0.0.1:601?plaintext=allowed&confirm=written&bom=off", { confirm: "written", bom: false }],
  ])("of syslog names a host: %s", (url, wanted) => {
    expect(parseSink(url)).toMatchObject({ kind: "syslog", ...wanted });
  });

  it.each([
    ["ftp://host/", "begins with"],
    ["nothing", "begins with"],
    ["file:///", "directory"],
    ["file://host/dir", "directory"],
    ["s3://Audit_Logs/x", "bucket"],
    ["s3://audit?objectLock=COMPLIANCE", "belong together"],
    ["s3://audit?retentionDays=3", "belong together"],
    ["s3://audit?objectLock=compliance&retentionDays=3", "GOVERNANCE or COMPLIANCE"],
    ["s3://audit?keyTemplate={year}", "{epoch} is missing"],
    ["s3://audit?keyTemplate={first}{last}{epoch}{week}", "{week}"],
    ["s3://audit?endpoint=ftp://x", "endpoint"],
    ["s3://audit?objektLock=COMPLIANCE", "knows no option objektLock"],
    ["s3://audit?region=a&region=b", "once"],
    ["s3://audit?batchRecords=0", "batchRecords"],
    ["s3://audit?batchSeconds=86401", "batchSeconds"],
    ["s3://audit?name=two%20words", "name"],
    ["cloudwatch://group", "log group and a stream"],
    ["otlp+http://collector.example.com/v1/logs", "in the clear"],
    ["syslog+tcp://10.0.0.1", "in the clear"],
    ["syslog+tls://host/path", "no path"],
    ["syslog+tls://host?maxBytes=2047", "maxBytes"],
    ["syslog+tls://host?certFile=/c", "belong together"],
  ])("that cannot be is refused with its reason: %s", (url, why) => {
    expect(() => parseSink(url)).toThrow(expect.objectContaining({ code: "InvalidSink" }));
    expect(() => parseSink(url)).toThrow(why);
  });

  it.each(["otlp+https://user:hunter2@host/v1/logs", "s3://AKIA:hunter2@bucket", "syslog+tls://host#hunter2"])(
    "with a secret in it is refused, and the secret is not repeated: %s",
    (url) => {
      expect(() => parseSink(url)).toThrow(/secrets come from the environment/);
      expect(() => parseSink(url)).not.toThrow(/hunter2/);
    },
  );
});
