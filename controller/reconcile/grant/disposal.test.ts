import { describe, expect, it } from "vitest";
import { aGrant } from "../testing.ts";
import { decideGrant } from "./decide.ts";
import { isDisposable } from "./disposal.ts";
import { anInput, at, kindsOf, liveStatus, noon, seen } from "./testing.ts";

const ended = liveStatus({
  end: { reason: "Expired", message: "", time: at(0) },
  endTime: at(0),
  deprovisionTime: at(1),
});
const over = (seconds: number | undefined, more: object) =>
  anInput({
    grant: aGrant({ spec: seconds === undefined ? {} : { ttlSecondsAfterFinished: seconds }, status: ended }),
    isOurs: true,
    ...more,
  });

describe("a Grant that is over", () => {
  it("is deleted when its time has come, not before", () => {
    const early = decideGrant(over(60, { now: noon + 119_000 }));
    const due = decideGrant(over(60, { now: noon + 120_000 }));

    expect(kindsOf(early)).toEqual([]);
    expect(early.next).toMatchObject({ kind: "waiting", untilMs: noon + 120_000 });
    expect(kindsOf(due)).toEqual(["Forget"]);
  });

  it("stays where nobody said how long, or where a file or a GitOps tool says it", () => {
    expect(kindsOf(decideGrant(over(undefined, { now: noon + 86_400_000 })))).toEqual([]);
    expect(kindsOf(decideGrant(over(60, { now: noon + 86_400_000, isOurs: false })))).toEqual([]);
  });

  it("is deleted too where it never became access before its notAfterTime", () => {
    const grant = aGrant({ spec: { ttlSecondsAfterFinished: 60, notAfterTime: at(0) }, status: seen });

    expect(decideGrant(anInput({ grant, isOurs: true, now: noon + 59_000 })).next).toMatchObject({
      untilMs: noon + 60_000,
    });
    expect(kindsOf(decideGrant(anInput({ grant, isOurs: true, now: noon + 60_000 })))).toEqual(["Forget"]);
  });
});

it.each([
  ["made through the API", "api", {}, true],
  ["made with kubectl", "cluster", {}, true],
  ["of a file", "grants/ada.yaml:1", {}, false],
  ["tracked by Argo CD", "cluster", { annotations: { "argocd.argoproj.io/tracking-id": "x" } }, false],
  ["tracked by its label", "cluster", { labels: { "app.kubernetes.io/instance": "x" } }, false],
  ["applied by Flux", "cluster", { labels: { "kustomize.toolkit.fluxcd.io/name": "x" } }, false],
])("what was %s is ours to delete: %s", (_title, origin, metadata, expected) => {
  expect(isDisposable(origin, { name: "x", namespace: "default", ...metadata })).toBe(expected);
});
