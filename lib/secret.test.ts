import { inspect } from "node:util";
import { expect, it } from "vitest";
import { Secret } from "./secret.ts";

it("shows its value in no rendering, and gives it only when asked", () => {
  const secret = new Secret("hunter2");

  const renderings = [String(secret), `${secret}`, JSON.stringify({ secret }), inspect({ secret }), secret + ""];

  expect(renderings.join("\n")).not.toContain("hunter2");
  expect(secret.reveal()).toBe("hunter2");
});
