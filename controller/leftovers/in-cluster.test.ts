import { describe, expect, it } from "vitest";
import { KubeFailure } from "../kube/failure.ts";
import type { KubeRequest, KubeTransport } from "../kube/transport.ts";
import { HeldObjects } from "./in-cluster.ts";

const grantID = `g${"a".repeat(26)}`;
const arn = "arn:aws:sso:::permissionSet/ssoins-1/ps-1";

/** A Grant as a list answers it. */
function grant(name: string, metadata: object = {}): object {
  return {
    metadata: {
      name,
      namespace: "shop",
      uid: `uid-${name}`,
      resourceVersion: "7",
      finalizers: ["example.com/other", "sallyport.dev/revoke"],
      deletionTimestamp: "2026-01-01T00:00:00Z",
      ...metadata,
    },
    spec: { principal: { name: "ada" } },
    status: { grantID },
  };
}

class FakeServer implements KubeTransport {
  readonly requests: KubeRequest[] = [];
  proxies: object[] = [];
  readonly #answer: (request: KubeRequest) => unknown;

  constructor(...pages: object[][]) {
    this.#answer = ({ method, path, query }) => {
      if (method === "GET" && path.endsWith("/proxies")) {
        return { kind: "ProxyList", items: this.proxies, metadata: { resourceVersion: "9" } };
      }
      const page = Number(query?.["continue"] ?? 0);
      const next = page + 1 < pages.length ? { continue: String(page + 1) } : {};
      const metadata = { resourceVersion: "9", ...next };
      return method === "GET"
        ? { apiVersion: "sallyport.dev/v1alpha1", kind: "GrantList", items: pages[page], metadata }
        : {};
    };
  }

  request<T>(request: KubeRequest): Promise<T> {
    this.requests.push(request);
    return Promise.resolve(this.#answer(request) as T);
  }

  lines(): never {
    throw new Error("nothing is watched");
  }

  close(): void {}
}

describe("Grants that the controller has not let go", () => {
  it("are found on every page, and no others", async () => {
    const server = new FakeServer([grant("one"), grant("two", { finalizers: [] })], [grant("three")]);

    const held = await new HeldObjects(server, []).list();

    expect(held.map((found) => found.grant)).toEqual(["shop/one", "shop/three"]);
  });

  it("are let go once they are being deleted and nothing of them is in AWS; other finalizers stay", async () => {
    const server = new FakeServer([grant("one"), grant("kept", { deletionTimestamp: undefined })]);

    const released = await new HeldObjects(server, []).release(new Map(), false);

    expect(released).toEqual([{ grant: "shop/one", grantID, userName: "ada", deleting: true }]);
    const writes = server.requests.filter(({ method }) => method !== "GET");
    expect(writes.map(({ path, body }) => [path, body])).toEqual([
      [
        "/apis/sallyport.dev/v1alpha1/namespaces/shop/grants/one",
        { metadata: { uid: "uid-one", resourceVersion: "7", finalizers: ["example.com/other"] } },
      ],
    ]);
  });

  it("stay while they give access in AWS, unless somebody means to leave that there, and then it is told", async () => {
    const server = new FakeServer([grant("one")]);
    const grants = new HeldObjects(server, []);
    const inAws = new Map([[grantID, arn]]);

    await expect(grants.release(inAws, false)).rejects.toThrow(/still give access in AWS/);
    expect(server.requests.every(({ method }) => method === "GET")).toBe(true);

    expect(await grants.release(inAws, true)).toMatchObject([{ grant: "shop/one", left: arn }]);
  });

  it("come with Proxies that wait for the controller; these are let go, and the service that may be left is named", async () => {
    const server = new FakeServer([]);
    const finalizers = ["sallyport.dev/clean-up"];
    const ecs = {
      serviceName: "sallyport-proxy",
      clusterName: "tools",
      accountID: "111122223333",
      region: "eu-west-1",
    };
    const proxy = (name: string, metadata: object) => ({ ...grant(name, { finalizers, ...metadata }), spec: { ecs } });
    server.proxies = [proxy("main", {}), proxy("stays", { deletionTimestamp: undefined })];
    const held = new HeldObjects(server, []);

    expect(await held.list()).toEqual([{ grant: "proxy shop/main", deleting: true }]);
    expect(await held.release(new Map(), false)).toEqual([
      {
        grant: "proxy shop/main",
        deleting: true,
        left: "maybe the ECS service sallyport-proxy (cluster tools, account 111122223333, eu-west-1)",
      },
    ]);
    const writes = server.requests.filter(({ method }) => method !== "GET");
    expect(writes.map(({ path }) => path)).toEqual(["/apis/sallyport.dev/v1alpha1/namespaces/shop/proxies/main"]);
  });

  it("are none in a cluster whose definitions are gone", async () => {
    const server = new FakeServer();
    server.request = () => Promise.reject(new KubeFailure("notFound", "the server has no such kind", { code: 404 }));

    expect(await new HeldObjects(server, ["shop"]).list()).toEqual([]);
  });
});
