import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aGrant, place, uidOf } from "../testing.ts";
import { descriptionMax, permissionSetDescription } from "./description.ts";
import { readSet } from "./recovery.ts";
import {
  creationTags,
  decodeRecord,
  encodeRecord,
  isOwnSet,
  recordPiecesMax,
  tagValue,
  tagValueMax,
  windowTags,
} from "./tags.ts";
import { approvedStatus, at, grantID, liveStatus, noon, ownSet, setARN } from "./testing.ts";

/** sso-admin service model, TagKey and TagValue. */
const legalKey = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;
const legalValue = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;
const instance = { instanceARN: place.instanceARN, identityStoreID: place.identityStoreID, region: place.region };

describe("tags of a permission set", () => {
  it("are legal whatever people are called, and fewer than AWS takes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 128 }), (name) => {
        const grant = aGrant({ spec: { principal: { name } } });
        const tags = { ...creationTags(grant, liveStatus(), `test ${name}`), ...windowTags(liveStatus()) };

        expect(Object.keys(tags).every((key) => legalKey.test(key))).toBe(true);
        expect(Object.values(tags).filter((value) => !legalValue.test(value))).toEqual([]);
        expect(Object.keys(tags).length).toBeLessThan(50 - recordPiecesMax);
      }),
    );
  });

  it("give back the record exactly, through as many pieces as it takes", () => {
    const target = approvedStatus().target as NonNullable<ReturnType<typeof approvedStatus>["target"]>;
    const secretARN = `arn:aws:secretsmanager:eu-west-1:111122223333:secret:${[...Array(900).keys()]
      .map((i) => (i * 7919).toString(36))
      .join("")
      .slice(0, 900)}`;
    const status = approvedStatus({ target: { ...target, secretARN } });

    const tags = encodeRecord(status);

    expect(Object.keys(tags).length).toBeGreaterThan(1);
    expect(Object.values(tags).every((value) => value.length <= tagValueMax)).toBe(true);
    expect(decodeRecord(tags)?.target?.secretARN).toBe(secretARN);
  });

  it("refuse a record that would need more tags than there are, rather than cut it", () => {
    const noise = [...Array(20_000).keys()].map((index) => (index * 2_654_435_761).toString(36)).join("");

    expect(() => encodeRecord({ ...approvedStatus(), availability: { name: noise } })).toThrow("tags");
  });

  it("do not break on damage", () => {
    expect(decodeRecord({})).toBeUndefined();
    expect(decodeRecord({ "sallyport.dev/record-0": "bm90IGRlZmxhdGVk" })).toBeUndefined();
  });

  it("tell own from foreign by installation and uid", () => {
    const { tags } = ownSet();

    expect(isOwnSet(tags, "test", uidOf(1))).toBe(true);
    expect(isOwnSet(tags, "production", uidOf(1))).toBe(false);
    expect(isOwnSet(tags, "test", uidOf(2))).toBe(false);
    expect(tagValue("a,b")).toBe("a_b");
  });
});

describe("recovery from tags", () => {
  it("gives back a live grant with the same window, target and role of revocation", () => {
    const status = liveStatus();

    const found = readSet(ownSet(), instance, noon);

    expect(found?.uid).toBe(uidOf(1));
    expect(found?.key).toEqual({ kind: "Grant", namespace: "default", name: "ada-orders" });
    expect(found?.status).toMatchObject({
      grantID,
      activationTime: status.activationTime,
      expiryTime: status.expiryTime,
      extensionCount: 0,
      target: status.target,
      workflow: status.workflow,
      external: { principalID: status.external?.principalID, permissionSetARN: setARN, accountID: place.accountID },
    });
  });

  it("gives back an end as final", () => {
    const set = ownSet();
    const tags = { ...set.tags, "sallyport.dev/ended": at(9), "sallyport.dev/end-reason": "Revoked" };

    expect(readSet({ ...set, tags }, instance, noon)?.status.end).toMatchObject({ reason: "Revoked", time: at(9) });
  });

  it("gives back enough to revoke when the record is damaged", () => {
    const set = ownSet();
    const tags = Object.fromEntries(Object.entries(set.tags).filter(([key]) => !key.includes("record-")));

    const status = readSet({ ...set, tags }, instance, noon)?.status;

    expect(status?.external).toMatchObject({ permissionSetARN: setARN, accountID: place.accountID });
    expect(status?.principal?.userName).toBe("ada");
  });

  it.each<[string, Record<string, string>]>([
    ["an expiry that is no instant", { "sallyport.dev/expiry": "never" }],
    ["an activation that is no instant", { "sallyport.dev/activation": "" }],
    ["an end before the start", { "sallyport.dev/expiry": at(-1) }],
  ])("takes a window that was altered by hand as over: %s", (_title, altered) => {
    const set = ownSet();

    const status = readSet({ ...set, tags: { ...set.tags, ...altered } }, instance, noon)?.status;

    expect(status).toMatchObject({ activationTime: at(0), expiryTime: at(0), extensionCount: 0 });
  });

  it("takes half a window as over, too", () => {
    const { "sallyport.dev/expiry": _expiry, ...tags } = ownSet().tags;

    expect(readSet({ ...ownSet(), tags }, instance, noon)?.status.expiryTime).toBe(at(0));
  });

  it("takes no window, no end and no nonsense from the record", () => {
    const recordOf = (status: object): Record<string, string> => {
      const text = deflateRawSync(JSON.stringify(status)).toString("base64");
      return { ...ownSet().tags, "sallyport.dev/record-0": text, "sallyport.dev/record-1": "" };
    };
    const slipped = {
      ...approvedStatus(),
      end: { reason: "Revoked", message: "", time: at(0) },
      deprovisionTime: at(0),
    };

    const withEnd = readSet({ ...ownSet(), tags: recordOf(slipped) }, instance, noon)?.status;
    const nonsense = readSet({ ...ownSet(), tags: recordOf({ target: 7, workflow: "auto" }) }, instance, noon)?.status;

    expect(withEnd?.target).toEqual(approvedStatus().target);
    expect(withEnd).not.toHaveProperty("end");
    expect(withEnd).not.toHaveProperty("deprovisionTime");
    expect(nonsense).not.toHaveProperty("target");
    expect(nonsense?.principal?.userName).toBe("ada");
  });

  it("believes no set whose name is not that of the uid in its tags", () => {
    expect(readSet({ ...ownSet(), name: "administrators" }, instance, noon)).toBeUndefined();
  });
});

it("a description is legal and short enough whatever the reason", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 2_048 }), (reason) => {
      const text = permissionSetDescription(aGrant({ spec: { reason } }));

      expect(text.length).toBeLessThanOrEqual(descriptionMax);
      expect(text).toMatch(/^[\t\n\r\u0020-\u007E\u00A1-\u00FF]+$/);
      expect(text).toContain("ada as read_only on orders");
    }),
  );
});
