import type { GrantView } from "#wire/control-api.ts";

/** A live grant of ada's, with what a test says otherwise. */
export function grantView(given: Partial<GrantView>): GrantView {
  return {
    grantID: "gabcdefghijklmnopqrstuvwxyz",
    namespace: "default",
    name: "ada-orders",
    userName: "ada",
    database: "orders",
    role: "read_only",
    reason: "",
    state: "Active",
    readyReason: "Converged",
    message: "",
    ...given,
  };
}
