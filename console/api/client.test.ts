import { describe, expect, it } from "vitest";
import { type Api, createApi } from "./client.ts";
import { Problem } from "./problem.ts";
import { testBrowser, type TestBrowser } from "./testing.ts";

function client(): { api: Api; browser: TestBrowser; signedOut: () => number } {
  const browser = testBrowser();
  let count = 0;
  return { api: createApi({ onSignedOut: () => (count += 1) }, browser), browser, signedOut: () => count };
}

async function failure(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Problem)) {
    throw new Error("it did not fail as it should");
  }
  return error;
}

describe("the API client", () => {
  it("sends the header that other sites cannot, stays on this origin, and follows no redirect", async () => {
    const { api, browser } = client();
    browser.answer(Response.json({ items: [] }));
    browser.answer(Response.json({}));

    await api.get("/v1/grants", { state: "Active", userName: undefined, database: "" });
    await api.post("/v1/grants", { database: "a" });

    expect(browser.requests[0]?.path).toBe("/v1/grants?state=Active");
    for (const { init } of browser.requests) {
      expect(init).toMatchObject({ credentials: "same-origin", cache: "no-store", redirect: "error" });
      expect(init.headers).toMatchObject({ "sallyport-csrf": "1" });
    }
    expect(browser.requests[1]?.init).toMatchObject({ method: "POST", body: '{"database":"a"}' });
  });

  it("a refusal says what, why and what next", async () => {
    const { api, browser, signedOut } = client();
    const error = { code: "Forbidden", message: "you may not", why: "it takes a group", next: "Ask." };
    browser.answer(Response.json({ error }, { status: 403 }));

    expect(await failure(api.get("/v1/fleet"))).toMatchObject({ status: 403, ...error });
    expect(signedOut()).toBe(0);
  });

  it("401 tells the page that the session is over", async () => {
    const { api, browser, signedOut } = client();
    browser.answer(Response.json({ error: { code: "NotSignedIn", message: "over" } }, { status: 401 }));

    expect((await failure(api.get("/v1/me"))).status).toBe(401);
    expect(signedOut()).toBe(1);
  });

  it.each(["<html>502 Bad Gateway</html>", "", "null", '{"error":"text"}', '{"error":{"message":1}}'])(
    "an answer that is not the control API's is told as such: %s",
    async (body) => {
      const { api, browser } = client();
      browser.answer(new Response(body, { status: 502 }));

      expect(await failure(api.get("/v1/me"))).toMatchObject({ status: 502, code: "UnexpectedAnswer" });
    },
  );

  it("no answer is told as such, too", async () => {
    const { api, browser } = client();
    browser.answer(new TypeError("Failed to fetch"));
    browser.answer(new Response("no JSON"));

    expect(await failure(api.get("/v1/me"))).toMatchObject({ status: 0, code: "Unreachable" });
    expect(await failure(api.get("/v1/me"))).toMatchObject({ status: 200, code: "UnexpectedAnswer" });
  });
});
