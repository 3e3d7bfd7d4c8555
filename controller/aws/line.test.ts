import fc from "fast-check";
import { expect, it } from "vitest";
import { Line } from "./line.ts";

it("gives back what was put in, in order, however long it gets", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant("shift" as const), fc.nat(3_000))), (steps) => {
      const line = new Line<number>();
      const model: number[] = [];
      let next = 0;
      for (const step of steps) {
        if (step === "shift") {
          expect(line.shift()).toBe(model.shift());
        } else {
          for (let count = 0; count < step; count += 1) {
            line.push(next);
            model.push(next);
            next += 1;
          }
        }
      }

      expect(line.size).toBe(model.length);
      for (const item of model) {
        expect(line.shift()).toBe(item);
      }
      expect(line.shift()).toBeUndefined();
    }),
    { numRuns: 30 },
  );
});
