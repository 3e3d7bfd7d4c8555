import { readFileSync } from "node:fs";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { csrfHeader } from "#wire/sign-in.ts";
import type { Installation } from "#test/harness/installation.ts";

/** An answer to a page of the console. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** As much of a browser as the console needs: cookies, and what a browser says of where a request comes from. */
export interface DemoBrowser {
  /** Goes to an address, as one typed into the address bar. The fragment stays here, as in any browser. */
  open(url: string): Promise<Answer>;
  /** Asks as a script of the page does. */
  fetch(path: string, body?: unknown): Promise<Answer>;
}

/** A browser that trusts the installation's certificate and starts without a cookie. */
export function demoBrowser({ url: origin, caFile }: Pick<Installation, "url" | "caFile">): DemoBrowser {
  const ca = readFileSync(caFile, "utf8");
  let cookie: string | undefined;
  const send = async (url: URL, own: Record<string, string>, body?: unknown): Promise<Answer> => {
    const headers = { ...own, ...(cookie === undefined ? {} : { cookie }) };
    const sent = request(url, { ca, agent: false, headers, method: body === undefined ? "GET" : "POST" });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    cookie = answer.headers["set-cookie"]?.[0]?.split(";")[0] ?? cookie;
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer) };
  };
  return {
    open: (url) => send(new URL(url), { "sec-fetch-site": "none" }),
    fetch(path, body) {
      const page = { "sec-fetch-site": "same-origin", [csrfHeader]: "1" };
      const posted = body === undefined ? {} : { origin, "content-type": "application/json" };
      return send(new URL(path, origin), { ...page, ...posted }, body);
    },
  };
}
