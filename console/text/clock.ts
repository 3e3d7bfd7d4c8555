/** `09:04:05.120`, by this browser's clock. Written by hand: it is drawn for every row that scrolls by. */
export function clockText(time: string | number): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) {
    return "";
  }
  const two = (part: number): string => String(part).padStart(2, "0");
  const ms = String(at.getMilliseconds()).padStart(3, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

/** `2026-01-05 09:04:05.120`, by this browser's clock. */
export function instantText(time: string | number): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) {
    return "";
  }
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clockText(time)}`;
}
