/** A length of time as people say it: at most two units, such as `45 min`, `1 h 30 min`, `2 d 4 h`. Below a second: `0 s`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) {
    return `${whole} s`;
  }
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) {
    const rest = whole % 60;
    return minutes < 5 && rest > 0 ? `${minutes} min ${rest} s` : `${minutes} min`;
  }
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? two(hours, "h", minutes % 60, "min") : two(Math.floor(hours / 24), "d", hours % 24, "h");
}

function two(more: number, unit: string, less: number, lesserUnit: string): string {
  return less === 0 ? `${more} ${unit}` : `${more} ${unit} ${less} ${lesserUnit}`;
}
