import { expect, it } from "vitest";
import { linesOf } from "./line-splitter.ts";

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    yield Buffer.from(text);
  }
}

it.each([
  ["in one piece", ["12345\n"]],
  ["in pieces, and not over yet", ["123", "45"]],
])("keeps no line that is longer than the limit: %s", async (_, texts) => {
  const lines = linesOf(chunks("1234\n", ...texts), 4);

  expect((await lines.next()).value).toBe("1234");
  await expect(lines.next()).rejects.toMatchObject({ kind: "unavailable", reason: "TooLong" });
});
