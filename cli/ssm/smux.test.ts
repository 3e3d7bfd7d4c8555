import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "./protocol-error.ts";
import { FrameParser, frameHeader } from "./smux.ts";

// Facts A9.
const vectors = {
  syn: "0100000003000000",
  data: "01020200030000006869",
  fin: "0101000003000000",
  nop: "0103000000000000",
};

function parse(chunks: readonly Buffer[]): string[] {
  const events: string[] = [];
  const parser = new FrameParser({
    onData: (id, bytes) => void events.push(`data ${id} ${bytes.toString("hex")}`),
    onFin: (id) => void events.push(`fin ${id}`),
  });
  for (const chunk of chunks) {
    parser.push(chunk);
  }
  return events;
}

/** Joins the data events of one stream that follow each other. */
function joined(events: readonly string[]): string[] {
  const result: string[] = [];
  for (const event of events) {
    const [kind, id, hex] = event.split(" ");
    const last = result.at(-1);
    if (kind === "data" && last?.startsWith(`data ${id} `)) {
      result[result.length - 1] = last + hex;
    } else {
      result.push(event);
    }
  }
  return result;
}

describe("smux", () => {
  it("writes the reference's frames", () => {
    expect(frameHeader("syn", 3).toString("hex")).toBe(vectors.syn);
    expect(Buffer.concat([frameHeader("data", 3, 2), Buffer.from("hi")]).toString("hex")).toBe(vectors.data);
    expect(frameHeader("fin", 3).toString("hex")).toBe(vectors.fin);
    expect(frameHeader("nop", 0).toString("hex")).toBe(vectors.nop);
  });

  it("reads frames the same wherever the stream is cut, at every byte and at every two", () => {
    const wire = Buffer.from(vectors.nop + vectors.data + vectors.data + "0102000003000000" + vectors.fin, "hex");
    const whole = joined(parse([wire]));

    for (let first = 0; first <= wire.length; first += 1) {
      for (let second = first; second <= wire.length; second += 1) {
        const cut = [wire.subarray(0, first), wire.subarray(first, second), wire.subarray(second)];

        expect(joined(parse(cut))).toEqual(whole);
      }
    }

    expect(whole).toEqual(["data 3 68696869", "fin 3"]);
  });

  it("reads whatever was written, in any chunks", () => {
    const frame = fc.record({ id: fc.constantFrom(3, 5, 0xffff_ffff), bytes: fc.uint8Array({ maxLength: 300 }) });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 400 })), (frames, cuts) => {
        const wire = Buffer.concat(
          frames.flatMap(({ id, bytes }) => [frameHeader("data", id, bytes.length), Buffer.from(bytes)]),
        );
        const chunks: Buffer[] = [];
        let at = 0;
        for (const cut of [...cuts, wire.length]) {
          chunks.push(wire.subarray(at, at + cut));
          at += cut;
        }

        const expected = frames
          .filter(({ bytes }) => bytes.length > 0)
          .map(({ id, bytes }) => `data ${id} ${Buffer.from(bytes).toString("hex")}`);
        expect(joined(parse(chunks))).toEqual(joined(expected));
      }),
    );
  });

  it("reads a frame of the largest length, 65,535 bytes", () => {
    const events = parse([frameHeader("data", 3, 65_535), Buffer.alloc(65_535, 1)]);

    expect(events).toEqual([`data 3 ${"01".repeat(65_535)}`]);
  });

  it.each([
    ["another version", "0200000003000000"],
    ["a window update, which only version 2 has", "0104000003000000"],
    ["an unknown command", "01ff000003000000"],
    ["a stream opened by the agent", "0100000002000000"],
  ])("refuses %s", (_name, hex) => {
    expect(() => parse([Buffer.from(hex, "hex")])).toThrow(ProtocolError);
  });
});
