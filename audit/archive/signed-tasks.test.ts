import { expect, it } from "vitest";
import { anchorsOf, type SignedTask } from "./signed-tasks.ts";

it("anchors a task at its furthest head, however many there are", () => {
  const count = 200_000;
  const places = Array.from({ length: count }, (_, index) => ({
    seq: index,
    chainSeq: index,
    line: index + 1,
    time: "",
  }));
  const signed: SignedTask = {
    proxy: "shared",
    task: "t",
    seq: count - 1,
    ended: undefined,
    chain: new Map(),
    sessions: new Map(),
    places: places.toReversed(),
    removals: [],
  };

  const anchors = anchorsOf(signed);

  expect(anchors).toMatchObject({ seq: count - 1, chainSeq: count - 1 });
});
