import { describe, expect, it } from "vitest";
import type { Entitlement } from "#wire/control-api.ts";
import { testComputer } from "#test/cli/world.ts";
import type { ControlClient } from "../control/client.ts";
import { availableTo, chooseEntitlement as chooseAmong } from "./choose.ts";

const entry = (database: string, role: string, change: Partial<Entitlement> = {}): Entitlement =>
  ({ namespace: "default", database, role, databaseName: database, needsApproval: false, ...change }) as Entitlement;
const items = [entry("orders", "read_only"), entry("orders", "app_owner"), entry("billing", "read_only")];
const controlWith = (list: readonly Entitlement[]): ControlClient =>
  ({ get: async () => ({ items: list }) }) as unknown as ControlClient;

const chooseEntitlement = async (
  control: ControlClient,
  ...[wanted, world]: [Parameters<typeof chooseAmong>[1], Parameters<typeof chooseAmong>[2]]
): Promise<Entitlement> => chooseAmong(await availableTo(control, world), wanted, world);

describe("choosing a database", () => {
  it("asks nothing where what was typed, or what there is, leaves one", async () => {
    using computer = testComputer();
    const { world } = computer;

    expect(await chooseEntitlement(controlWith(items), { database: "billing" }, world)).toBe(items[2]);
    expect(await chooseEntitlement(controlWith(items), { role: "app_owner" }, world)).toBe(items[1]);
    expect(await chooseEntitlement(controlWith([items[0] as Entitlement]), {}, world)).toBe(items[0]);
  });

  it("shows a list of two columns, the long names cut, and takes what is picked", async () => {
    using computer = testComputer({ interactive: true });
    const long = entry("x".repeat(60), "read_only");

    const chosen = chooseEntitlement(controlWith([...items, long]), {}, computer.world);
    computer.type("own");
    computer.type("\r");

    expect(await chosen).toBe(items[1]);
    expect(computer.screen()).toContain(`orders${" ".repeat(34)}read_only`);
    expect(computer.screen()).toContain(`${"x".repeat(38)}… read_only`);
    expect(computer.screen()).toContain("(orders)");
  });

  it("names the flags where nobody can pick, the namespace too where it matters", async () => {
    using computer = testComputer();
    const twins = [entry("orders", "read_only"), entry("orders", "read_only", { namespace: "staging" })];

    await expect(chooseEntitlement(controlWith(items), {}, computer.world)).rejects.toMatchObject({
      code: "NotInteractive",
      next: "Name them: sallyport rds proxy --database orders --role read_only",
    });
    await expect(chooseEntitlement(controlWith(twins), {}, computer.world)).rejects.toMatchObject({
      next: expect.stringContaining("--namespace default"),
    });
    expect(await chooseEntitlement(controlWith(twins), { namespace: "staging" }, computer.world)).toBe(twins[1]);
  });

  it("says what there is where nothing fits, and whom to ask where there is nothing", async () => {
    using computer = testComputer();

    await expect(chooseEntitlement(controlWith(items), { database: "x" }, computer.world)).rejects.toMatchObject({
      code: "NotAvailable",
      message: "nothing that you may ask for is called x/*",
      why: "you may ask for: orders/read_only, orders/app_owner, billing/read_only",
    });
    await expect(chooseEntitlement(controlWith([]), {}, computer.world)).rejects.toMatchObject({
      code: "NothingAvailable",
      message: "you don't have access to any RDS databases",
    });
  });
});
