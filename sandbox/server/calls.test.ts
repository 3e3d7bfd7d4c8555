import { expect, test } from "vitest";
import { callsKeptMax, createCallLog } from "./calls.ts";

test("the log keeps the newest calls and goes on counting all of them", () => {
  const log = createCallLog();
  const call = { at: 0, requestID: "r", service: "sso", operation: "X", callerARN: undefined, input: {} };

  for (let count = 0; count <= callsKeptMax; count += 1) {
    log.add(call, count % 2 === 0);
  }

  expect(log.list).toHaveLength(callsKeptMax);
  expect(log.list[0]).toMatchObject({ index: 1, mutationIndex: -1 });
  expect(log.list.at(-1)).toMatchObject({ index: callsKeptMax, mutationIndex: callsKeptMax / 2, outcome: "pending" });
});
