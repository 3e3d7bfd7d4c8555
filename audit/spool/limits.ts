/** Bounds of a spool. All in bytes. */
export interface SpoolLimits {
  /** All segment files together. */
  readonly totalBytesMax: number;
  /** Part of `totalBytesMax` that only records which end something may use, so that a full spool still closes what is open. */
  readonly reserveBytes: number;
  /** A segment that has reached this size is followed by a new one. Space is given back by whole segments. */
  readonly segmentBytes: number;
  /** Largest single record. */
  readonly recordBytesMax: number;
}

/**
 * 512 MiB is an hour without the controller at 400 statements/s of 350 bytes (start and end together), and small beside the
 * 20 GiB of a Fargate task's storage. The reserve closes 100,000 statements. A segment is 1/64, so what is acknowledged
 * but not yet given back stays small, and a restart reads one segment.
 */
export const defaultSpoolLimits: SpoolLimits = {
  totalBytesMax: 512 * 1024 * 1024,
  reserveBytes: 32 * 1024 * 1024,
  segmentBytes: 8 * 1024 * 1024,
  recordBytesMax: 15 * 1024 * 1024,
};

/** Throws `RangeError` when the limits contradict each other: then a spool could never take or give back a record. */
export function checkSpoolLimits(limits: SpoolLimits): void {
  if (limits.reserveBytes >= limits.totalBytesMax || limits.segmentBytes * 2 > limits.totalBytesMax) {
    throw new RangeError("a spool must hold its reserve and at least two segments");
  }
}
