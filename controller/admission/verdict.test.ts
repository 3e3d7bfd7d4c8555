import { readFileSync, globSync } from "node:fs";
import path from "node:path";
import { parseAllDocuments } from "yaml";
import { describe, expect, it } from "vitest";
import { expectedPolicies } from "./expected.ts";
import type { AdmissionLook, Found } from "./look.ts";
import { judgeAdmission } from "./verdict.ts";

const folder = path.join(import.meta.dirname, "..", "..", "manifests", "admission");

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: Readonly<Record<string, unknown>>;
}

const shipped = globSync("*.yaml", { cwd: folder })
  .flatMap((name) => parseAllDocuments(readFileSync(path.join(folder, name), "utf8")))
  .map((document) => document.toJS() as Manifest);

const created = "2026-01-01T00:00:00Z";

function found(kind: string, name: string): Found {
  const spec = shipped.find((object) => object.kind === kind && object.metadata.name === name)?.spec;
  return { metadata: { generation: 1, creationTimestamp: created }, ...(spec === undefined ? {} : { spec }) };
}

type Entry = { policy: Found | undefined; binding: Found | undefined };

/** Everything as it was shipped, but for what the test changes of one policy. */
function look(change: Partial<Entry> = {}, of = "sallyport-reviewer"): AdmissionLook {
  const policies = expectedPolicies.map(({ name }) => {
    const entry: Entry = {
      policy: found("ValidatingAdmissionPolicy", name),
      binding: found("ValidatingAdmissionPolicyBinding", name),
    };
    return [name, name === of ? { ...entry, ...change } : entry] as const;
  });
  return {
    policies: new Map(policies),
    parameters: { metadata: { creationTimestamp: created } },
    namespace: "sallyport-system",
  };
}

const policy = found("ValidatingAdmissionPolicy", "sallyport-reviewer");
const binding = found("ValidatingAdmissionPolicyBinding", "sallyport-reviewer");
const changed = (one: Found, spec: object): Found => ({ ...one, spec: { ...one.spec, ...spec } });

describe("what the controller makes of the admission policies", () => {
  it("trusts them as they were shipped, since the newest of them is there", () => {
    expect(judgeAdmission(look())).toEqual({ kind: "trusted", sinceMs: Date.parse(created) });
    const newer = { ...binding, metadata: { generation: 1, creationTimestamp: "2026-01-02T00:00:00Z" } };

    expect(judgeAdmission(look({ binding: newer }))).toMatchObject({ sinceMs: Date.parse("2026-01-02T00:00:00Z") });
  });

  it.for<readonly [string, Partial<Entry>, string]>([
    ["a policy that is gone", { policy: undefined }, "PolicyMissing"],
    ["a policy that lets failures pass", { policy: changed(policy, { failurePolicy: "Ignore" }) }, "PolicyAltered"],
    ["a policy without its last rule", { policy: changed(policy, { validations: [] }) }, "PolicyAltered"],
    [
      "a policy with an exception",
      { policy: changed(policy, { matchConditions: [{ name: "not-me" }] }) },
      "PolicyAltered",
    ],
    ["a policy of nothing", { policy: { metadata: policy.metadata } }, "PolicyAltered"],
    ["a binding that is gone", { binding: undefined }, "BindingMissing"],
    ["a binding that only warns", { binding: changed(binding, { validationActions: ["Warn"] }) }, "BindingAltered"],
    ["a binding of some namespaces", { binding: changed(binding, { matchResources: {} }) }, "BindingAltered"],
    [
      "a binding to somebody else's parameters",
      { binding: changed(binding, { paramRef: { ...(binding.spec?.["paramRef"] as object), namespace: "mine" } }) },
      "BindingAltered",
    ],
    [
      "a binding that passes without parameters",
      {
        binding: changed(binding, {
          paramRef: { ...(binding.spec?.["paramRef"] as object), parameterNotFoundAction: "Allow" },
        }),
      },
      "BindingAltered",
    ],
  ])("does not trust %s", ([, change, reason]) => {
    expect(judgeAdmission(look(change))).toMatchObject({ kind: "untrusted", reason });
  });

  it("does not trust policies without their parameters", () => {
    expect(judgeAdmission({ ...look(), parameters: undefined })).toMatchObject({ reason: "ParametersMissing" });
  });

  it("follows an installation into another namespace", () => {
    const moved = { ...look(), namespace: "elsewhere" };

    expect(judgeAdmission(moved)).toMatchObject({ reason: "BindingAltered" });
  });

  it("trusts what was altered and put back only from then on", () => {
    const backAt = "2026-02-01T10:00:00Z";
    const metadata = {
      generation: 3,
      creationTimestamp: created,
      managedFields: [
        { time: backAt, fieldsV1: { "f:spec": {} } },
        { time: "2026-03-01T00:00:00Z", fieldsV1: { "f:status": {} } },
      ],
    };

    expect(judgeAdmission(look({ policy: { ...policy, metadata } }))).toMatchObject({ sinceMs: Date.parse(backAt) });
  });

  it("does not trust what was altered where nobody knows when", () => {
    const metadata = { generation: 3, creationTimestamp: created, managedFields: [] };

    expect(judgeAdmission(look({ policy: { ...policy, metadata } }))).toMatchObject({ reason: "PolicyAltered" });
  });
});
