import { ListPermissionSetsCommand } from "@aws-sdk/client-sso-admin";
import { expect, it } from "vitest";
import { runFaults, type FaultRule } from "./fault-rules.ts";
import type { FaultEvent } from "./faults.ts";
import { startHarness } from "./testing/harness.ts";

/** The number-th call of Identity Center in a run. */
function call(number: number, about: Partial<FaultEvent> = {}): FaultEvent {
  const callerARN = "arn:aws:iam::111122223333:user/sallyport-controller";
  const event = { service: "sso", operation: "CreatePermissionSet", mutating: true, index: number, callerARN };
  return { ...event, mutationIndex: number, phase: "before", input: {}, ...about };
}

/** What 40 calls of the scope come to, one letter each. */
function fates(seed: number, rules: readonly FaultRule[], about: Partial<FaultEvent> = {}): string {
  const { plan } = runFaults({ seed, rules });
  return Array.from({ length: 40 }, (_, number) => (plan(call(number, about)) === "pass" ? "." : "x")).join("");
}

it("strikes the same calls for the same seed, and others for another", () => {
  const rules: FaultRule[] = [{ probability: 0.3, fault: "throttled" }];

  expect(fates(7, rules)).toBe(fates(7, rules));
  expect(fates(7, rules)).not.toBe(fates(8, rules));
  expect(fates(7, rules)).toContain("x");
  expect(fates(7, rules)).toContain(".");
});

it("is not moved by calls outside of a rule's scope", () => {
  const rule: FaultRule = { service: "sso", probability: 0.3, fault: "internal" };
  const mixed = runFaults({ seed: 7, rules: [rule] });
  const fate = Array.from({ length: 40 }, (_, number) => {
    void mixed.plan(call(1000 + number, { service: "iam" }));
    return mixed.plan(call(number)) === "pass" ? "." : "x";
  });

  expect(fate.join("")).toBe(fates(7, [rule]));
});

it.each<[string, FaultRule, Partial<FaultEvent>, string]>([
  ["by number", { calls: [1, 3], fault: "conflict" }, {}, `.x.x${".".repeat(36)}`],
  ["for a while", { from: 2, count: 3, fault: "denied" }, {}, `..xxx${".".repeat(35)}`],
  ["only so often", { probability: 1, atMost: 2, fault: "quota" }, {}, `xx${".".repeat(38)}`],
  ["one account", { accountID: "1", probability: 1, fault: "reset" }, { input: { TargetId: "1" } }, "x".repeat(40)],
  ["not another", { accountID: "1", probability: 1, fault: "reset" }, { input: { TargetId: "2" } }, ".".repeat(40)],
  ["one operation", { operation: /^Delete/, probability: 1, fault: "reset" }, {}, ".".repeat(40)],
  ["one caller", { caller: ":user/ada", probability: 1, fault: "expired" }, {}, ".".repeat(40)],
  ["only after", { probability: 1, fault: "lost-answer" }, {}, ".".repeat(40)],
])("strikes %s", (_title, rule, about, wanted) => {
  expect(fates(1, [rule], about)).toBe(wanted);
});

it("lets a person do something at a call, says what it struck, and heals", () => {
  let done = 0;
  const faults = runFaults({ seed: 1, rules: [{ calls: [0], fault: () => void (done += 1) }] });

  expect(faults.plan(call(0))).toBe("pass");
  expect(done).toBe(1);
  expect(faults.struck).toEqual(["a change by hand before sso:CreatePermissionSet (call 0)"]);
  const outage = runFaults({ seed: 1, rules: [{ probability: 1, fault: "gateway" }] });
  outage.heal();
  expect(outage.plan(call(0))).toBe("pass");
});

it("reaches the SDK as what it would be at AWS", async () => {
  await using harness = await startHarness();
  const { instanceARN: InstanceArn } = harness;
  const list = () => harness.clients.ssoAdmin.send(new ListPermissionSetsCommand({ InstanceArn }));
  const answerTo = async (fault: FaultRule["fault"]): Promise<string> => {
    const rules: FaultRule[] = [{ service: "sso", from: 0, count: 9, fault }];
    harness.sandbox.faults = runFaults({ seed: 1, rules, holdMs: 10 }).plan;
    return list().then(
      () => "ok",
      (error: Error) => error.name,
    );
  };

  expect(await answerTo("expired")).toBe("ExpiredTokenException");
  expect(await answerTo("quota")).toBe("ServiceQuotaExceededException");
  expect(await answerTo("silent")).toMatch(/Error/);
  expect(await answerTo(() => {})).toBe("ok");
});
