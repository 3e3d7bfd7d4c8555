import { describe, expect, it } from "vitest";
import { UserError } from "#lib/errors.ts";
import { createOutput, type Output } from "./output.ts";

function recorded(format: "text" | "json", colours = false): { output: Output; out: () => string; err: () => string } {
  let out = "";
  let err = "";
  const output = createOutput(format, { out: (text) => (out += text), err: (text) => (err += text), colours });
  return { output, out: () => out, err: () => err };
}

function sayEverything(output: Output): void {
  output.result({ n: 1 }, () => "one");
  output.rows([{ name: "a" }], [["name", (item: { name: string }) => item.name]], "none");
  output.line({ n: 2 }, () => "two");
  output.note("progress");
  output.event("READY", "ready now", { port: 5432 });
  output.error(new UserError("Broken", "it broke", { why: "of this", next: "do that" }));
}

describe("output", () => {
  it("for people goes to standard output where it is a result, and to standard error where it is not", () => {
    const { output, out, err } = recorded("text");

    sayEverything(output);

    expect(out()).toBe("one\nNAME\na\ntwo\n");
    expect(err()).toBe("[i] progress\n[READY] ready now\n[✘] it broke\n    why:  of this\n    next: do that\n");
  });

  it("for machines is JSON on standard output and nothing else there; errors are JSON on standard error", () => {
    const { output, out, err } = recorded("json");

    sayEverything(output);

    expect(out()).toBe(
      '{\n  "n": 1\n}\n{\n  "items": [\n    {\n      "name": "a"\n    }\n  ]\n}\n{"n":2}\n{"event":"READY","port":5432}\n',
    );
    expect(JSON.parse(err())).toEqual({
      error: { code: "Broken", message: "it broke", why: "of this", next: "do that" },
    });
  });

  it("for machines stays one value a line once it has begun so", () => {
    const { output, out } = recorded("json");

    output.event("HELD", "", { n: 1 });
    output.result({ confirmed: 2 }, () => "");

    expect(out()).toBe('{"event":"HELD","n":1}\n{"confirmed":2}\n');
  });

  it("never lets text from elsewhere steer the terminal, in any of its kinds", () => {
    const { output, out, err } = recorded("text", true);
    const evil = "\u001b]0;owned\u0007\u009b2J";

    output.result({}, () => evil);
    output.rows([{}], [["x", () => `${evil}\n`]], "");
    output.line({}, () => evil);
    output.note(evil);
    output.event("X", evil, {});
    output.error(new UserError("X", evil, { why: evil, next: evil }));

    // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
    expect(out()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u0080-\u009f]/);
    // Our own colours are the only escape sequences.
    // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
    expect(err().replaceAll(/\u001b\[\d+m/g, "")).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u0080-\u009f]/);
  });

  it("lets no text from elsewhere begin a line that looks like one of its own", () => {
    const { output, out, err } = recorded("text");
    const forged = "no\n[✔] approved";

    output.note(forged);
    output.event("DENIED", forged, {});
    output.error(new UserError("X", forged, { why: forged, next: forged }));

    expect(out() + err()).not.toMatch(/^\[✔\] approved/m);
  });

  it("steers no terminal with JSON either, and says the same", () => {
    const { output, out, err } = recorded("json");
    const evil = "\u001b[2J\u009b2J\u202e\u2028\n\ud800";

    output.line({ evil }, () => "");
    output.result({ evil }, () => "");
    output.error(new UserError("X", evil));

    // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
    expect(out() + err()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u0080-\u009f\u2028-\u202e]/);
    for (const line of out().trim().split("\n")) {
      expect(JSON.parse(line)).toEqual({ evil });
    }
    expect(JSON.parse(err())).toMatchObject({ error: { message: evil } });
  });

  it("says what an empty list means, on standard error, and an empty list to machines", () => {
    const text = recorded("text");
    const json = recorded("json");

    for (const { output } of [text, json]) {
      output.rows([], [], "nothing here");
    }

    expect([text.out(), text.err()]).toEqual(["", "nothing here\n"]);
    expect(JSON.parse(json.out())).toEqual({ items: [] });
  });
});
