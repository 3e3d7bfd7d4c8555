const form = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d{1,3})?(?:Z|[+-](\d{2}):(\d{2}))$/;

/**
 * Whether `text` is an instant as the kinds want it: RFC 3339 section 5.6 with `T`, a zone, at most milliseconds, and a day
 * that the month has. Leap seconds are refused, as Go's parser in the API server refuses them.
 */
export function isDateTime(text: string): boolean {
  const match = form.exec(text);
  if (match === null) {
    return false;
  }
  const [year, month, day, hour, minute, second, zoneHour, zoneMinute] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  return (
    within(month, 1, 12) &&
    within(day, 1, daysInMonth(year ?? 0, month ?? 1)) &&
    within(hour, 0, 23) &&
    within(minute, 0, 59) &&
    within(second, 0, 59) &&
    within(zoneHour, 0, 23) &&
    within(zoneMinute, 0, 59)
  );
}

function within(value: number | undefined, low: number, high: number): boolean {
  return value !== undefined && value >= low && value <= high;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) {
    return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  }
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
