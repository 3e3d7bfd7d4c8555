import { expect, it } from "vitest";
import { readSinks } from "./read-sinks.ts";

it("reads as many sinks as were given, commas in their options too", () => {
  const sinks = readSinks("file:///a,s3://audit/x?keyTemplate={epoch},{first},{last},otlp+https://collector");

  expect(sinks.map(({ name }) => name)).toEqual(["file:///a", "s3://audit/x", "otlp+https://collector"]);
  expect(readSinks(undefined)).toEqual([]);
});

it("refuses two of one name: they would share one cursor", () => {
  expect(() => readSinks("s3://audit/x?from=now,s3://audit/x")).toThrow("given twice");
  expect(() => readSinks("s3://audit/x?name=one%23heads")).toThrow("cannot have that name");
  expect(readSinks("s3://audit/x?name=one,s3://audit/x")).toHaveLength(2);
});
