/** Begins a notice of a statement that endangers others who share its database user; the hazard's name follows. */
export const hazardNotice = "hazard:";
/** Notice of a statement that policy refused. */
export const refusedNotice = "refused";

/** Names of the hazards that a record's notices tell of. */
export function hazardsIn(notices: readonly string[] | undefined): readonly string[] {
  return (notices ?? []).flatMap((notice) =>
    notice.startsWith(hazardNotice) ? [notice.slice(hazardNotice.length)] : [],
  );
}
