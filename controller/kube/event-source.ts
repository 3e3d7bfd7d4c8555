import type { AnyObject, Condition } from "#kinds/index.ts";
import type { Source } from "../source/source.ts";
import type { EventRecorder } from "./events.ts";
import { eventsOfChange } from "./event-texts.ts";

/** A source whose writes of status are told as Events, once they are durable: one place for the reconcilers of all kinds. */
export function tellingEvents<S extends Source>(source: S, recorder: Pick<EventRecorder, "record">): S {
  const writeStatus: Source["writeStatus"] = async (object, change, options) => {
    let written: { before: readonly Condition[] | undefined; after: readonly Condition[] | undefined } | undefined;
    await source.writeStatus(
      object,
      (status) => {
        const next = change(status);
        written = { before: conditionsOf(status), after: conditionsOf(next) };
        return next;
      },
      options,
    );
    for (const text of written === undefined ? [] : eventsOfChange(object, written.before, written.after)) {
      recorder.record(object, text);
    }
  };
  return new Proxy(source, {
    get(target, name) {
      const value: unknown = name === "writeStatus" ? writeStatus : Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function conditionsOf(status: NonNullable<AnyObject["status"]>): readonly Condition[] | undefined {
  return (status as { readonly conditions?: readonly Condition[] }).conditions;
}
