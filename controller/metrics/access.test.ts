import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { KubeFailure } from "../kube/failure.ts";
import type { KubeRequest, KubeTransport } from "../kube/transport.ts";
import { clusterAccess, verdictMs, verdictsMax } from "./access.ts";

/** An API server that knows some tokens, and who of their holders may read the metrics. */
function setUp(people: Readonly<Record<string, { allowed: boolean }>>) {
  const clock = manualClock();
  const requests: KubeRequest[] = [];
  let isDown = false;
  const transport = {
    request: async (request: KubeRequest) => {
      requests.push(request);
      if (isDown) {
        throw new KubeFailure("unavailable", "connection refused");
      }
      const { spec } = request.body as { spec: { token?: string; user?: string } };
      const { token, user = "" } = spec;
      return token === undefined
        ? { status: { allowed: people[user]?.allowed } }
        : { status: { authenticated: token in people, user: { username: token, groups: ["scrapers"] } } };
    },
  } as Pick<KubeTransport, "request">;
  return { access: clusterAccess(transport, clock), clock, requests, goDown: () => (isDown = true) };
}

describe("access to the metrics of a cluster's controller", () => {
  it("is given to whom the API server knows and RBAC allows to get /metrics", async () => {
    const { access, requests } = setUp({ prometheus: { allowed: true }, eve: { allowed: false } });

    expect(await access("prometheus")).toBe("allowed");
    expect(await access("eve")).toBe("forbidden");
    expect(await access("nobody")).toBe("unauthorized");
    expect(await access(undefined)).toBe("unauthorized");
    expect(requests[1]).toMatchObject({
      path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      body: {
        spec: {
          user: "prometheus",
          groups: ["scrapers"],
          nonResourceAttributes: { path: "/metrics", verb: "get" },
        },
      },
    });
  });

  it("is not asked of the API server at every scrape, and is asked again after a minute", async () => {
    const { access, clock, requests } = setUp({ prometheus: { allowed: true } });
    await access("prometheus");

    clock.advance(verdictMs - 1);
    await access("prometheus");
    expect(requests).toHaveLength(2);
    clock.advance(1);
    await access("prometheus");

    expect(requests).toHaveLength(4);
  });

  it("is given to nobody while it cannot be judged", async () => {
    const { access, goDown } = setUp({ prometheus: { allowed: true } });
    goDown();

    await expect(access("prometheus")).rejects.toThrow("connection refused");
  });

  it("remembers no more verdicts than it may", async () => {
    const { access, requests } = setUp({});
    for (let token = 0; token <= verdictsMax; token += 1) {
      await access(`${token}`);
    }
    const before = requests.length;

    await access(`${verdictsMax}`);
    expect(requests).toHaveLength(before);
    await access("0");

    expect(requests).toHaveLength(before + 1);
  });
});
