import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { kubectlMissing } from "#test/harness/control-plane.ts";
import { Helm, helmMissing, setting } from "./helm.ts";
import { chart, kustomize, type Manifest, nameOf, objectsOf, overlays } from "./render.ts";

const missing = helmMissing() ?? kubectlMissing();
const helm = new Helm();

beforeEach(({ skip }) => skip(missing !== undefined, missing));
afterAll(() => helm.remove());

const valuesOf: Readonly<Record<(typeof overlays)[number], Readonly<Record<string, unknown>>>> = {
  single: { leaderElection: { enabled: false } },
  "high-availability": { replicas: 2 },
  namespaced: { namespaces: ["access"] },
};

describe("the chart and the kustomize overlays", () => {
  it.each(overlays)("make the same objects: %s", async (overlay) => {
    const fromChart = comparable(objectsOf(await helm.template(valuesOf[overlay])));
    const fromKustomize = comparable(objectsOf(await kustomize(overlay)));

    expect([...fromChart.keys()].toSorted()).toEqual([...fromKustomize.keys()].toSorted());
    expect(fromChart.size).toBeGreaterThan(25);
    for (const [name, object] of fromKustomize) {
      expect(fromChart.get(name), name).toEqual(object);
    }
  });
});

describe("the chart", () => {
  it("has nothing that helm's own linter objects to", async () => {
    await expect(helm.run("lint", "--strict", "--quiet", chart, ...setting())).resolves.not.toContain("ERROR");
  });

  it("keeps each of the six definitions when it is uninstalled", async () => {
    const definitions = objectsOf(await helm.template({})).filter(({ kind }) => kind === "CustomResourceDefinition");

    expect(definitions).toHaveLength(6);
    for (const { metadata } of definitions) {
      expect(metadata.annotations, metadata.name).toEqual({ "helm.sh/resource-policy": "keep" });
    }
  });

  it("leaves the definitions to others where it is told to", async () => {
    const objects = objectsOf(await helm.template({ crds: { enabled: false } }));

    expect(objects.map(({ kind }) => kind)).not.toContain("CustomResourceDefinition");
  });

  it("puts everything into the namespace of the release, and names it wherever the account is named", async () => {
    const manifest = await helm.run("template", "sallyport", chart, "--namespace", "elsewhere", ...setting());

    expect(manifest).not.toContain("sallyport-system");
    expect(manifest).toContain("system:serviceaccount:elsewhere:sallyport-controller");
  });

  it.each([
    ["a value that is missing", { publicURL: "" }, /publicURL/],
    ["a value that it does not know", { replica: 2 }, /replica/],
    ["an address without TLS", { publicURL: "http://sallyport.example.com" }, /publicURL/],
    ["several replicas that all lead", { replicas: 2, leaderElection: { enabled: false } }, /only with one replica/],
    ["an argument that is none", { extraArgs: ["log-level=debug"] }, /extraArgs/],
  ])("refuses %s", async (_what, values, said) => {
    await expect(helm.template(values)).rejects.toThrow(said);
  });

  it("restarts the controller when its configuration changes", async () => {
    const checksum = async (region: string): Promise<string | undefined> =>
      /checksum\/configuration: (\w+)/.exec(await helm.template({ region }))?.[1];

    expect(await checksum("eu-west-1")).toMatch(/^[0-9a-f]{64}$/);
    expect(await checksum("eu-west-1")).not.toBe(await checksum("eu-west-2"));
  });

  it("merges what the installation says of its users into the parameters of the admission policies", async () => {
    const objects = objectsOf(await helm.template({ admission: { parameters: { usernamePrefix: "oidc:" } } }));

    expect(objects.find(({ metadata }) => metadata.name === "sallyport-admission")?.["data"]).toMatchObject({
      usernamePrefix: "oidc:",
      controller: "system:serviceaccount:sallyport-system:sallyport-controller",
      notAfterMax: "720h",
    });
  });
});

/**
 * Objects by name, without what is of the tool and not of the installation: Helm makes no namespace, has hooks, marks what it keeps and names the
 * configuration's checksum in an annotation, where kustomize puts it into the configuration's name.
 */
function comparable(objects: readonly Manifest[]): Map<string, unknown> {
  const own = objects.filter(
    ({ kind, metadata }) => kind !== "Namespace" && metadata.annotations?.["helm.sh/hook"] === undefined,
  );
  const hash = own
    .map(({ metadata }) => /^sallyport-controller(-[a-z0-9]{10})$/.exec(metadata.name)?.[1])
    .find((found) => found !== undefined);
  return new Map(
    own.map((object) => {
      const text = JSON.stringify(object, (key, value: unknown) => (key === "annotations" ? ownOnly(value) : value));
      const plain = JSON.parse(hash === undefined ? text : text.replaceAll(hash, "")) as Manifest;
      return [nameOf(plain), plain];
    }),
  );
}

function ownOnly(annotations: unknown): unknown {
  const kept = Object.entries(annotations ?? {}).filter(
    ([name]) => name !== "helm.sh/resource-policy" && name !== "checksum/configuration",
  );
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
