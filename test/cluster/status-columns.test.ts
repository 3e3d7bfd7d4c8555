import { describe, expect, it } from "vitest";
import type { AnyObject } from "#kinds/index.ts";
import { aDatabase, anAvailability, aProxy, aWorkflow } from "#controller/reconcile/testing.ts";
import { definitions } from "#kinds/generated/schemas.ts";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { aReview } from "./admission-stand.ts";
import { grantSituations, otherSituations } from "./status-situations.ts";

let plane: ControlPlane;
let namespace: string;

givenControlPlane(async (started) => {
  plane = started;
  await plane.installCRDs();
  namespace = await plane.createNamespace("columns");
  const live = grantSituations.find(({ name }) => name === "live")?.object;
  const settled = (kind: string): object | undefined =>
    otherSituations.find(({ object, argo }) => object.kind === kind && argo === "Healthy")?.object.status;
  for (const object of [live, aProxy(), aDatabase(), anAvailability(), aWorkflow()] as AnyObject[]) {
    await put(object, object.status ?? settled(object.kind) ?? {});
  }
  await put(aReview("ada-orders-grace", "grace") as unknown as AnyObject, {});
}, kubectlMissing());

/** Creates the object as a person does, and writes its status as the controller does. */
async function put({ apiVersion, kind, metadata, spec }: AnyObject, status: object): Promise<void> {
  const collection = `/apis/${apiVersion}/namespaces/${namespace}/${definitions[kind].plural}`;
  const body = { apiVersion, kind, metadata: { name: metadata.name }, spec };
  expect(await plane.request({ method: "POST", path: `${collection}?fieldValidation=Strict`, body })).toMatchObject({
    status: 201,
  });
  const path = `${collection}/${metadata.name}/status`;
  const contentType = "application/merge-patch+json";
  expect(await plane.request({ method: "PATCH", path, contentType, body: { status } })).toMatchObject({ status: 200 });
}

/** Header words and rows of a table that kubectl prints. */
async function table(...args: readonly string[]): Promise<{ header: string; rows: readonly string[] }> {
  const lines = (await plane.kubectl(["get", "--namespace", namespace, ...args])).trimEnd().split("\n");
  const [header = "", ...rows] = lines.map((line) => line.trim().split(/ {2,}/).join(" | "));
  return { header, rows };
}

describe("kubectl get", () => {
  it.each([
    ["grt", "NAME | PRINCIPAL | DATABASE | ROLE | ACTIVE | READY | REASON | EXPIRES | APPROVAL | FLAGGED | AGE"],
    ["apx", /^NAME \|.*READY \| REASON \|.*AGE$/],
    ["adb", /^NAME \|.*READY \| REASON \|.*AGE$/],
    ["awf", /^NAME \|.*READY \| REASON \|.*AGE$/],
    ["avl", /^NAME \|.*READY \| REASON \|.*AGE$/],
    ["grv", "NAME | GRANT | DECISION | REVIEWER | READY | REASON | AGE"],
  ])("%s shows what the object is about, whether it is Ready and why", async (shortName, expected) => {
    const { header, rows } = await table(shortName);

    expect(header).toEqual(typeof expected === "string" ? expected : expect.stringMatching(expected));
    expect(rows).toHaveLength(1);
  });

  it("shows when a Grant's access ends as the instant it is", async () => {
    const { rows } = await table("grants");

    expect(rows[0]).toMatch(
      /^ada-orders \| ada \| orders \| read_only \| True \| True \| Active \| 2026-01-01T13:00:00\.000Z \|/,
    );
  });

  it("adds the message when asked for more", async () => {
    expect((await table("grants", "--output", "wide")).header).toMatch(/\| MESSAGE$/);
    expect((await table("grants", "--output", "wide")).rows[0]).toContain("Access is live.");
  });

  it("access lists every kind, and no column that the server cannot show", async () => {
    const text = await plane.kubectl(["get", "access", "--namespace", namespace]);

    for (const kind of Object.values(definitions)) {
      expect(text).toContain(`${kind.plural.replace(/ies$/, "y").replace(/s$/, "")}.sallyport.dev/`);
    }
    expect(text).not.toMatch(/<invalid>|<unknown>/);
  });

  it("finds a person's Grants by field selector", async () => {
    const found = await plane.kubectl([
      "get",
      "grants",
      "-n",
      namespace,
      "--field-selector=spec.principal.name=ada",
      "-o",
      "name",
    ]);
    const none = await plane.kubectl([
      "get",
      "grants",
      "-n",
      namespace,
      "--field-selector=spec.principal.name=bob",
      "-o",
      "name",
    ]);

    expect([found.trim(), none.trim()]).toEqual(["grant.sallyport.dev/ada-orders", ""]);
  });
});
