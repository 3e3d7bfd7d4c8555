import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** Who a bearer token stands for, as the API server sees it. */
export interface Person {
  readonly user: string;
  readonly groups: readonly string[];
}

/** What the API server asks of a token: a TokenReview of `authentication.k8s.io/v1`. */
interface TokenReview {
  readonly spec: { readonly token: string };
}

/** The identity provider of a test's cluster: it makes people up, and tells the API server whose token it was shown. */
export interface People {
  /** Address for `--authentication-token-webhook-config-file`. */
  readonly url: string;
  /** A token for that person; the same one each time. */
  tokenFor(user: string, groups: readonly string[]): string;
  close(): Promise<void>;
}

/** Starts it on a loopback port. The API server keeps answers for two minutes, so a token never changes its meaning. */
export async function startPeople(): Promise<People> {
  const people = new Map<string, Person>();
  const tokens = new Map<string, string>();
  const server = createServer((request, response) => {
    void json(request).then((review) => {
      const person = people.get((review as TokenReview).spec.token);
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({
          apiVersion: "authentication.k8s.io/v1",
          kind: "TokenReview",
          status:
            person === undefined
              ? { authenticated: false }
              : { authenticated: true, user: { username: person.user, groups: person.groups } },
        }),
      );
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    tokenFor(user, groups) {
      const key = JSON.stringify([user, groups]);
      const token = tokens.get(key) ?? `test-${randomBytes(16).toString("hex")}`;
      tokens.set(key, token);
      people.set(token, { user, groups });
      return token;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
