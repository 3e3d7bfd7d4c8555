import { describe, expect, it } from "vitest";
import { candidatesIn } from "./candidates.ts";

const line = '{"id":"ab","kind":"event","record":{"text":"\\"{\\"id\\":\\" é"}}';

describe("a delivered line is found", () => {
  const forms: [string, string[]][] = [
    ["in a file of lines", [line]],
    [
      "behind the header that a syslog server writes, and a byte order mark",
      [`Mar  1 10:00:00 host sallyport \uFEFF${line}`],
    ],
    ["behind the time that CloudWatch exports to S3 write", [`2026-03-01T10:00:00.000Z ${line}`]],
    ["in the text output of `aws logs get-log-events`", [`EVENTS\t1772359200000\t${line}\t1772359200001`]],
    ["in its JSON output", [JSON.stringify({ events: [{ timestamp: 1, message: line }], nextForwardToken: "f/1" })]],
    [
      "in its JSON output as it is laid out for people",
      JSON.stringify({ events: [{ message: line, timestamp: 1 }] }, undefined, 4).split("\n"),
    ],
    [
      "in what a collector has written of OTLP",
      [JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: line } }] }] }] })],
    ],
  ];
  it.each(forms)("%s", (_, lines) => {
    expect(lines.flatMap(candidatesIn)).toEqual([line]);
  });
});

it("other programs' lines hold none", () => {
  const others = ["", "2026-03-01 kernel: started", '{"msg":"no"}', '{"broken', '"a": "b",', "null"];

  expect(others.flatMap(candidatesIn)).toEqual([]);
});
