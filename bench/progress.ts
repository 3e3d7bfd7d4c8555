const beganMs = performance.now();

/** Says on standard error what is being done, so that standard output holds the result only. */
export function say(text: string): void {
  process.stderr.write(`bench: ${String(Math.round((performance.now() - beganMs) / 1_000)).padStart(4)} s  ${text}\n`);
}
