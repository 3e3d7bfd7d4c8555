import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { shellWord } from "./shell-word.ts";

it.each(["$(reboot)", "it's; rm -rf ~", "", "two words", "a\nb", "`id`", "-n", "plain.name@1"])(
  "%j is one word of a shell",
  (name) => {
    const said = execFileSync("sh", ["-c", `printf %s ${shellWord(name)}`], { encoding: "utf8" });

    expect(said).toBe(name);
  },
);

it("leaves plain names as they are", () => {
  expect(shellWord("read_only")).toBe("read_only");
});
