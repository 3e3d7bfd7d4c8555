import { createHash } from "node:crypto";
import type { Clock } from "#lib/clock.ts";
import type { KubeTransport } from "../kube/transport.ts";

/** Whether somebody may read the metrics. */
export type AccessVerdict = "allowed" | "unauthorized" | "forbidden";

/** Judges the bearer of a token; undefined: there was none. Rejects where it cannot be judged: nobody is let in then. */
export type Access = (token: string | undefined) => Promise<AccessVerdict>;

/**
 * How long a verdict stands, in milliseconds. A scraper asks every 15 to 60 s; without it each scrape would be two calls to the API
 * server. A right that was taken away is worth a minute of figures at most.
 */
export const verdictMs = 60_000;
/** Verdicts that are kept. Scrapers are a handful; past it, the oldest is forgotten. */
export const verdictsMax = 100;

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly user?: {
      readonly username?: string;
      readonly uid?: string;
      readonly groups?: readonly string[];
      readonly extra?: Readonly<Record<string, readonly string[]>>;
    };
  };
}

interface SubjectAccessReview {
  readonly status?: { readonly allowed?: boolean };
}

/**
 * Access as controller-runtime's `pkg/metrics/filters` grants it: the API server says who holds the token (TokenReview), and whether
 * they may `get` the path (SubjectAccessReview over a nonResourceURL). The controller needs `create` on both.
 */
export function clusterAccess(transport: Pick<KubeTransport, "request">, clock: Clock, path = "/metrics"): Access {
  const verdicts = new Map<string, { readonly verdict: AccessVerdict; readonly untilMs: number }>();
  return async (token) => {
    if (token === undefined) {
      return "unauthorized";
    }
    // Not the token itself: what a heap dump shows must not open anything.
    const key = createHash("sha256").update(token).digest("base64");
    const known = verdicts.get(key);
    if (known !== undefined && known.untilMs > clock.monotonicMs()) {
      return known.verdict;
    }
    const verdict = await judge(transport, token, path);
    verdicts.delete(key);
    verdicts.set(key, { verdict, untilMs: clock.monotonicMs() + verdictMs });
    if (verdicts.size > verdictsMax) {
      verdicts.delete(verdicts.keys().next().value ?? "");
    }
    return verdict;
  };
}

async function judge(transport: Pick<KubeTransport, "request">, token: string, path: string): Promise<AccessVerdict> {
  const review = await transport.request<TokenReview>({
    method: "POST",
    path: "/apis/authentication.k8s.io/v1/tokenreviews",
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } },
  });
  const user = review.status?.user;
  if (review.status?.authenticated !== true || user === undefined) {
    return "unauthorized";
  }
  const { username, uid, groups, extra } = user;
  const access = await transport.request<SubjectAccessReview>({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: { user: username, uid, groups, extra, nonResourceAttributes: { path, verb: "get" } },
    },
  });
  return access.status?.allowed === true ? "allowed" : "forbidden";
}
