/** An instant as the browser's field for local times has it, `2026-01-05T09:04:05`; empty for none. */
export function instantField(instant: string): string {
  const at = new Date(instant);
  if (instant === "" || Number.isNaN(at.getTime())) {
    return "";
  }
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

/** The instant that such a field says, RFC 3339 in UTC; empty where it says none. */
export function fieldInstant(field: string): string {
  const at = new Date(field);
  return field === "" || Number.isNaN(at.getTime()) ? "" : at.toISOString();
}
