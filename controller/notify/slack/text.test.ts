import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Secret } from "#lib/secret.ts";
import { type ButtonIntent, buttonValue, buttonValueMax, readButton } from "./button.ts";
import { cut, dateText, durationText, mrkdwn, plainText, quotedMax } from "./text.ts";

describe("text of people", () => {
  it("has nothing in it that Slack reads as a link, a mention or a new line", () => {
    const nasty = fc.constantFrom("<", ">", "&", "!", "@", "#", "|", "\n", "\u202e", "\u061c", "\u2028", "amp;");
    const anyUnit = fc.nat(0xffff).map((unit) => String.fromCharCode(unit));
    const text = fc.oneof(fc.string({ unit: anyUnit }), fc.string({ unit: nasty }));
    fc.assert(
      fc.property(text, (said) => {
        const shown = mrkdwn(said);
        expect(shown).not.toMatch(/[<>\n\r\u2028\u202e\u061c]/);
        expect(shown.isWellFormed()).toBe(true);
        expect(shown.replaceAll(/&(amp|lt|gt);/g, "")).not.toContain("&");
      }),
    );
  });

  it("is cut where it is too long, never through a character", () => {
    const cut = plainText("😀".repeat(quotedMax + 1));

    expect([...cut]).toHaveLength(quotedMax);
    expect(cut.isWellFormed()).toBe(true);
    expect(plainText("😀".repeat(quotedMax))).toBe("😀".repeat(quotedMax));
  });

  it("is cut neither through a character nor through what Slack reads as one thing", () => {
    const part = fc.constantFrom("&lt;", "<!date^1767225600^{time}|12:00>", "😀", "a ", "*b*");
    fc.assert(
      fc.property(fc.array(part), fc.integer({ min: 1, max: 60 }), (parts, max) => {
        const shown = cut(parts.join(""), max);
        expect(shown.length).toBeLessThanOrEqual(max);
        expect(shown.isWellFormed()).toBe(true);
        expect(shown.replaceAll(/&lt;|<[^<>]*>/g, "")).not.toMatch(/[&<>]/);
      }),
    );
  });

  it("is the person's own also where it looks like a date", () => {
    expect(dateText("<!channel>")).toBe("&lt;!channel&gt;");
    expect(dateText("2026-01-01T00:00:00Z")).toMatch(/^<!date\^1767225600\^/);
    expect([60, 5_400, 86_400, 20].map(durationText)).toEqual(["1 min", "1 h 30 min", "1 d", "20 s"]);
  });
});

describe("a button's value", () => {
  const secret = new Secret("8f742231b10e8888abcd99yyyzzz85a5");
  const intent: ButtonIntent = { kind: "approve", grantID: "g".repeat(32), digest: `sha256:${"a".repeat(64)}` };
  const value = buttonValue(intent, "prod", secret);

  it("says what was signed, by any secret in force, for its installation only", () => {
    expect(readButton(value, "prod", [new Secret("another"), secret])).toEqual(intent);
    expect(readButton(value, "prod", [new Secret("another")])).toBeUndefined();
    expect(readButton(value, "test", [secret])).toBeUndefined();
    expect(value.length).toBeLessThan(buttonValueMax);
  });

  it("is refused with any one character changed", () => {
    fc.assert(
      fc.property(fc.nat(value.length - 2), fc.constantFrom("A", "x", ".", "é"), (at, other) => {
        fc.pre(value[at] !== other);
        const changed = value.slice(0, at) + other + value.slice(at + 1);
        expect(readButton(changed, "prod", [secret])).toBeUndefined();
      }),
    );
    expect(readButton("x".repeat(buttonValueMax + 1), "prod", [secret])).toBeUndefined();
  });
});
