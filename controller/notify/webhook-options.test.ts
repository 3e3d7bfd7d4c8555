import { describe, expect, it } from "vitest";
import { readWebhooks } from "./webhook-options.ts";

const read = (url: string) => readWebhooks({ "webhook-url": url, "webhook-secret-file": "/secret" });

describe("--webhook-url", () => {
  it("takes several, each with its events, and sends nobody the part after the number sign", () => {
    const webhooks = read(
      "https://a.test/x?token=s3cret#events=grant.denied,review.*,http://127.0.0.1:9/#events=*,https://b.test",
    );

    expect(webhooks.map(({ url }) => url.href)).toEqual([
      "https://a.test/x?token=s3cret",
      "http://127.0.0.1:9/",
      "https://b.test/",
    ]);
    expect(webhooks[0]?.events).toEqual(["grant.denied", "review.counted", "review.refused"]);
    expect(webhooks[1]?.events).toContain("slack.linked");
    expect(webhooks[2]?.events).toContain("grant.expiring");
    expect(webhooks[2]?.events).not.toContain("statements.viewed");
  });

  it("shows nothing of an address but its host", () => {
    expect(read("https://a.test/x?token=s3cret")[0]?.name).toMatch(/^webhook:a\.test#[0-9a-f]{8}$/);
  });

  it.each([
    ["plain http to elsewhere", "http://a.test/"],
    ["a password", "https://me:s3cret@a.test/"],
    ["an event that there is not", "https://a.test/#events=grant.gone"],
    ["no address", "a.test/s3cret"],
    ["one address twice", "https://a.test/,https://a.test/#events=grant.ended"],
  ])("refuses %s without repeating what was typed", (_, url) => {
    expect(() => read(url)).toThrow(expect.objectContaining({ message: expect.not.stringContaining("s3cret") }));
  });

  it("goes with its secret only", () => {
    expect(() => readWebhooks({ "webhook-url": "https://a.test/" })).toThrow("--webhook-secret-file");
    expect(() => readWebhooks({ "webhook-secret-file": "/secret" })).toThrow("--webhook-url");
    expect(readWebhooks({})).toEqual([]);
  });
});
