import { describe, expect, it } from "vitest";
import { answerProbe, type Check } from "./check.ts";

const good: Check = { name: "good", failure: () => undefined };
const bad: Check = { name: "bad", failure: () => "the secret reason" };
const broken: Check = {
  name: "broken",
  failure() {
    throw new Error("defect");
  },
};
const plain = { verbose: false, exclude: [] };

describe("a probe", () => {
  it("answers ok, and no more, when every check passes", () => {
    expect(answerProbe("healthz", [good], plain)).toMatchObject({ status: 200, body: "ok" });
  });

  it("lists the checks when asked to be verbose", () => {
    const { body } = answerProbe("readyz", [good], { ...plain, verbose: true });

    expect(body).toBe("[+]good ok\nreadyz check passed\n");
  });

  it("names what failed, keeps the reason to itself, and hands it to the log", () => {
    const answer = answerProbe("healthz", [good, bad], plain);

    expect(answer.status).toBe(500);
    expect(answer.body).toBe("[+]good ok\n[-]bad failed: reason withheld\nhealthz check failed\n");
    expect(answer.results).toContainEqual({ check: "bad", why: "the secret reason" });
  });

  it("leaves out what is excluded, without looking at it, and warns of a name that is none", () => {
    const { status, body } = answerProbe("healthz", [good, broken], { verbose: true, exclude: ["broken", "bda"] });

    expect(status).toBe(200);
    expect(body).toBe(
      '[+]good ok\n[+]broken excluded: ok\nwarn: some health checks cannot be excluded: no matches for ["bda"]\nhealthz check passed\n',
    );
  });

  it("answers for one check alone", () => {
    expect(answerProbe("healthz", [good, bad], { ...plain, only: "good" })).toMatchObject({ status: 200, body: "ok" });
    expect(answerProbe("healthz", [good, bad], { ...plain, only: "bad" })).toMatchObject({
      status: 500,
      body: "internal server error: reason withheld\n",
    });
    expect(answerProbe("healthz", [good, bad], { ...plain, only: "none" }).status).toBe(404);
  });

  it("fails when a check cannot be made", () => {
    expect(answerProbe("healthz", [broken], plain).status).toBe(500);
  });
});
