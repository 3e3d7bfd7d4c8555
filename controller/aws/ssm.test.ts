import { expect, it } from "vitest";
import { isOwner } from "./ssm.ts";

const owner = (role: string, session = "ada") => `arn:aws:sts::111122223333:assumed-role/${role}/${session}`;

it("knows the sessions of one grant's role by exact name, suffix and person", () => {
  expect(isOwner(owner("AWSReservedSSO_gabc_0123456789abcdef"), "gabc", "ada")).toBe(true);
  expect(isOwner(owner("AWSReservedSSO_gabc_0123456789abcdef", "eve"), "gabc", "ada")).toBe(false);
  expect(isOwner(owner("AWSReservedSSO_gabcd_0123456789abcdef"), "gabc", "ada")).toBe(false);
  expect(isOwner(owner("AWSReservedSSO_gabc_other_0123456789abcdef"), "gabc", "ada")).toBe(false);
  expect(isOwner(owner("gabc"), "gabc", "ada")).toBe(false);
  expect(isOwner("arn:aws:iam::111122223333:user/ada", "gabc", "ada")).toBe(false);
});
