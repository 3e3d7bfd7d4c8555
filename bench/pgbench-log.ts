/** Transactions of one stretch of time. */
export interface Stretch {
  /** All that ended within it. */
  readonly transactions: number;
  /** Per second, without the first moments. */
  readonly perSecond: number;
  /** Of each one behind the first moments, in whole µs. */
  readonly latencies: readonly number[];
}

/**
 * The first moments of a stretch are not counted: its clients have just been woken, and so has everything behind them. 20 ms are
 * several hundred transactions.
 */
const firstMomentsMs = 20;
/** With fewer than this behind the first moments, the time from the first to the last says little about a rate. */
const fewTransactions = 10;

/**
 * Splits a log of `pgbench --log` into stretches. A line is `client number latency_µs script seconds microseconds`
 * (PostgreSQL documentation, pgbench, "Per-Transaction Logging"). `windows`: from and to, epoch milliseconds, in order and apart.
 */
export function readStretches(log: Buffer, windows: readonly (readonly [number, number])[]): Stretch[] {
  const lines = parseLines(log);
  let next = 0;
  return windows.map(([fromMs, toMs]) => {
    while (next < lines.times.length && (lines.times[next] ?? 0) < fromMs) {
      next += 1;
    }
    const first = next;
    while (next < lines.times.length && (lines.times[next] ?? 0) <= toMs) {
      next += 1;
    }
    return stretchOf(lines, first, next, toMs - fromMs);
  });
}

interface Lines {
  /** Epoch milliseconds with three decimals. */
  readonly times: number[];
  /** µs. */
  readonly latencies: number[];
}

function stretchOf({ times, latencies }: Lines, first: number, end: number, lengthMs: number): Stretch {
  const beginMs = (times[first] ?? 0) + firstMomentsMs;
  let counted = first;
  while (counted < end && (times[counted] ?? 0) < beginMs) {
    counted += 1;
  }
  const transactions = end - first;
  if (end - counted < fewTransactions) {
    // A system as slow as this needs the whole stretch for what it does.
    return { transactions, perSecond: (transactions * 1_000) / lengthMs, latencies: latencies.slice(first, end) };
  }
  const seconds = ((times[end - 1] ?? 0) - beginMs) / 1_000;
  return { transactions, perSecond: (end - counted) / seconds, latencies: latencies.slice(counted, end) };
}

function parseLines(log: Buffer): Lines {
  const times: number[] = [];
  const latencies: number[] = [];
  const fields = [0, 0, 0, 0, 0, 0];
  let field = 0;
  for (const byte of log) {
    if (byte === 0x0a) {
      if (field === 5) {
        times.push((fields[4] ?? 0) * 1_000 + (fields[5] ?? 0) / 1_000);
        latencies.push(fields[2] ?? 0);
      }
      fields.fill(0);
      field = 0;
    } else if (byte === 0x20) {
      field += 1;
    } else {
      fields[field] = (fields[field] ?? 0) * 10 + byte - 0x30;
    }
  }
  return { times, latencies };
}
