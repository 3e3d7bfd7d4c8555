import { parseSink } from "#audit/sinks/parse-sink.ts";
import type { SinkOptions } from "#audit/sinks/sink-options.ts";
import { isHeadsName } from "#audit/sinks/head-source.ts";
import { UserError } from "#lib/errors.ts";

/** `--audit-sink` was given several times where a comma is followed by the scheme of another URL. */
const between = /,(?=[a-z][a-z\d+]*:\/\/)/;

/** The audit sinks that were asked for. Throws a `UserError` for one that cannot be, and for two of the same name. */
export function readSinks(given: string | undefined): readonly SinkOptions[] {
  const sinks = (given === undefined ? [] : given.split(between)).map(parseSink);
  const names = sinks.map(({ name }) => name);
  // A sink has two cursors: one under its name, and one for heads.
  const asHeads = names.find(isHeadsName);
  if (asHeads !== undefined) {
    throw new UserError("InvalidSink", `--audit-sink ${asHeads} cannot have that name`, {
      why: "How far a sink is with signed heads is kept under its name and that ending.",
      next: "Give it another name with name=.",
    });
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new UserError("InvalidSink", `--audit-sink ${twice} is given twice`, {
      why: "How far each sink is is kept under its name, which is its URL without options.",
      next: "Give one of them another name with name=, if they are two destinations.",
    });
  }
  return sinks;
}
