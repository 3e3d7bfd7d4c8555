import { describe, expect, it } from "vitest";
import type { TrailEventView } from "#wire/trail-event.ts";
import { adasGrant, adasGrantID, apiStand, codeOf, reviewedObjects } from "#test/serve/api-stand.ts";
import { heartbeatPeriodMs } from "../streams/heartbeat.ts";
import type { EventFilter } from "../services.ts";
import { eventTailsMax, eventTailsOfPersonMax } from "./events.ts";

const event: TrailEventView = {
  storeSeq: 7,
  event: "grant.approved",
  time: "2026-01-01T00:00:00.000Z",
  actor: { kind: "User", name: "rob" },
  grantID: adasGrantID,
};
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function start() {
  const asked: (EventFilter & { after: number })[] = [];
  const stand = apiStand([...reviewedObjects, adasGrant()], () => ({
    events: {
      page: async (filter, { after }) => {
        asked.push({ ...filter, after });
        return { items: [event] };
      },
      async *tail(filter, after, signal) {
        asked.push({ ...filter, after });
        yield event;
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    },
  }));
  return { stand, asked };
}

describe("events", () => {
  it("of all grants are for auditors and administrators; others name a grant that they may see", async () => {
    const { stand, asked } = start();
    const statuses = await Promise.all(
      ["ada", "margaret", "root"].map(async (who) => (await stand.ask("/v1/events?after=3", who)).status),
    );

    expect(statuses).toEqual([403, 200, 200]);
    expect(asked).toEqual([{ after: 3 }, { after: 3 }]);
    expect(await (await stand.ask(`/v1/events?grantID=${adasGrantID}`, "ada")).json()).toEqual({ items: [event] });
    expect(asked.at(-1)).toEqual({ grantID: adasGrantID, after: 0 });
  });

  it("are followed from a position on, with a sign of life first and in every silence", async () => {
    const { stand, asked } = start();
    const answer = await stand.ask(`/v1/events/tail?grantID=${adasGrantID}&after=6`, "ada");
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();

    // Lines that are there together come in one piece.
    const first = (await reader?.read())?.value ?? "";
    const beat = reader?.read();
    await settle();
    stand.services.clock.advance(heartbeatPeriodMs);
    const second = (await beat)?.value ?? "";
    await reader?.cancel();

    const linesOf = (piece: string): unknown[] =>
      piece
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
    expect([linesOf(first), linesOf(second)]).toEqual([[{}, event], [{}]]);
    expect(asked).toEqual([{ grantID: adasGrantID, after: 6 }]);
  });

  it("are followed by so many at once", async () => {
    const { stand } = start();
    const path = `/v1/events/tail?grantID=${adasGrantID}`;
    const people = ["ada", "rita", "rob", "margaret", "root"];
    const asked = people.flatMap((who) =>
      Array.from({ length: eventTailsOfPersonMax + 1 }, () => stand.ask(path, who)),
    );

    const statuses = (await Promise.all(asked)).map(({ status }) => status);

    // Ada's last is one too many of hers; in the end there is no place for anybody.
    expect(statuses[eventTailsOfPersonMax]).toBe(503);
    expect(statuses.filter((status) => status === 200).length).toBe(eventTailsMax);
    expect(await codeOf(await stand.ask(path, "root"))).toBe("TooManyTails");
  });
});
