import { expect, it } from "vitest";
import { readBenchOptions } from "./options.ts";

it("narrows a run by what it is told", () => {
  const options = readBenchOptions(["postgres", "--clients", "1,32", "--rounds", "3"]);

  expect(options).toMatchObject({ parts: ["postgres"], only: { clients: [1, 32] }, rounds: 3 });
});

it.each([
  [["--rounds", "many"], "--rounds takes whole numbers"],
  [["--rounds", "0"], "--rounds takes whole numbers"],
  [["--clients", "1,-2"], "--clients takes whole numbers"],
  [["--grants", "75"], "multiples of 50"],
  [["poste"], 'no part "poste"'],
  [["--output", "xml"], 'no output "xml"'],
])("says what is wrong with %j, and measures nothing", (args, said) => {
  expect(() => readBenchOptions(args)).toThrow(said);
});
