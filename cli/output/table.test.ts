import { expect, it } from "vitest";
import { formatTable } from "./table.ts";

it("aligns columns two spaces apart, without spaces at the end of a line", () => {
  const table = formatTable(
    ["name", "state"],
    [
      ["a", "Active"],
      ["longer-name", ""],
    ],
  );

  expect(table).toBe("NAME         STATE\na            Active\nlonger-name");
});

it("shows headings alone where there are no rows", () => {
  expect(formatTable(["name", "state"], [])).toBe("NAME  STATE");
});
