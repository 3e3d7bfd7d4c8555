import { expect, it } from "vitest";
import { jsonLog } from "./log.ts";
import { printableJSON } from "./unprintable.ts";

/** Steers a terminal by a C1 control, turns a line round, and hides a letter in a tag. */
const evil = "\u009b2J\u202e\u2028\u{e0041}\u00ad\u3164\ud800";

it("what steers a terminal or hides is escaped in JSON, and reads back as it was; the rest of the text stays", () => {
  const json = printableJSON(JSON.stringify({ evil, plain: "grüße 😀" }));

  expect(json).toMatch(/^[\u0020-\u007eü ß😀]*$/u);
  expect(json).toContain("grüße 😀");
  expect(JSON.parse(json)).toEqual({ evil, plain: "grüße 😀" });
});

it("a line of the log steers no terminal", () => {
  const lines: string[] = [];

  jsonLog("info", {}, { write: (line) => lines.push(line) }).warn("refused", { name: evil, error: new Error(evil) });

  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[\u0020-\u007e]*\n$/);
  expect(JSON.parse(lines[0]!)).toMatchObject({ name: evil, error: { message: evil } });
});
