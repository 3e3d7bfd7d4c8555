import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pause } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { World } from "../command.ts";

/** A person signs in meanwhile, with a second factor that must be found first; as long as the `aws` command line waits. */
const waitMaxMs = 10 * 60_000;
/** A code and a state; what is longer is not for us. */
const urlLengthMax = 8_192;

/** Where a browser comes back to: a free port of this computer's loopback address (RFC 8252 7.3). */
export interface Loopback extends AsyncDisposable {
  /** With the port. */
  readonly redirectURI: string;
  /**
   * Resolves with the address at which a browser came back with this `state`; what comes with another one is turned away, and is waited
   * on. Rejects with a `UserError` when nobody comes for ten minutes, or with the reason of the world's signal.
   */
  returned(state: string): Promise<URL>;
}

/** Listens for one sign-in. `path` is where the browser is sent, such as `/oauth/callback`. */
export async function listenOnLoopback(path: string, world: World): Promise<Loopback> {
  const came = Promise.withResolvers<URL>();
  let expected: string | undefined;
  const server = createServer({ maxHeaderSize: 2 * urlLengthMax }, (request, response) => {
    const url = cameBack(request, redirectURI, expected);
    answer(response, url);
    if (url !== undefined) {
      came.resolve(url);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const redirectURI = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  return {
    redirectURI,
    async returned(state) {
      expected = state;
      const stopping = new AbortController();
      const late = pause(world.clock, waitMaxMs, AbortSignal.any([world.signal, stopping.signal])).then(() => {
        throw new UserError("SignInTimedOut", "nobody signed in in time", { next: "sallyport login" });
      });
      try {
        return await Promise.race([came.promise, late]);
      } finally {
        stopping.abort();
        late.catch(() => {});
      }
    },
    [Symbol.asyncDispose]: () => close(server),
  };
}

/** The address of a request that a browser was sent here with; undefined for any other. */
function cameBack(request: IncomingMessage, redirectURI: string, state: string | undefined): URL | undefined {
  const target = request.url ?? "";
  const own = new URL(redirectURI);
  // Another name for this address is a page of another site that asks for it (DNS rebinding).
  if (request.method !== "GET" || request.headers.host !== own.host || target.length > urlLengthMax) {
    return undefined;
  }
  const url = new URL(`${own.origin}${target}`);
  return url.pathname === own.pathname && state !== undefined && url.searchParams.get("state") === state
    ? url
    : undefined;
}

function answer(response: ServerResponse, url: URL | undefined): void {
  const text =
    url === undefined
      ? "This is not the end of a sign-in that is under way."
      : url.searchParams.has("code")
        ? "You can close this page and go back to your terminal."
        : "You are not signed in. You can close this page; your terminal says why.";
  response.writeHead(url === undefined ? 404 : 200, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    connection: "close",
  });
  response.end(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Sallyport</title><p>${text}</p></html>\n`);
}

/** Lets the last answer go out first. */
async function close(server: Server): Promise<void> {
  server.close();
  server.closeIdleConnections();
  await once(server, "close");
}
