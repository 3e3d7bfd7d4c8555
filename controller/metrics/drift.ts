import { getCondition, type AnyObject, type Condition } from "#kinds/index.ts";
import type { MetricRegistry } from "#lib/metrics/registry.ts";
import type { Source } from "../source/source.ts";
import { conditionKinds, ownMetrics } from "./definitions.ts";

/** The reason by which every reconciler says that something in AWS is not as it left it. */
const driftReason = "DriftDetected";

/** The source, with drift counted when it goes on record: once, however long it takes to repair or stays only reported. */
export function countDrift<S extends Source>(registry: MetricRegistry, source: S): S {
  const drift = registry.counter(
    ownMetrics.drift,
    ["Grant", ...conditionKinds].map((kind) => ({ kind })),
  );
  const writeStatus: Source["writeStatus"] = async <T extends AnyObject>(
    object: T,
    change: (status: NonNullable<T["status"]>) => NonNullable<T["status"]>,
    options?: { readonly notify?: boolean },
  ) => {
    let isNew = false;
    await source.writeStatus<T>(
      object,
      (status) => {
        const next = change(status);
        isNew = isAdrift(next) && !isAdrift(status);
        return next;
      },
      options,
    );
    if (isNew) {
      drift.inc({ kind: object.kind });
    }
  };
  return new Proxy(source, {
    get(target, name) {
      if (name === "writeStatus") {
        return writeStatus;
      }
      const value: unknown = Reflect.get(target, name);
      // Its methods reach private fields, which only the source itself has.
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function isAdrift(status: object): boolean {
  const { conditions } = status as { readonly conditions?: readonly Condition[] };
  return getCondition(conditions, "Ready")?.reason === driftReason;
}
