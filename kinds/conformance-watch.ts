import { assertConformance, type Judged } from "./conformance.ts";

const broken: string[] = [];

/**
 * Judges a status that a test's source was given. What is wrong is kept rather than thrown: a reconciler would take it for a failed write and
 * try again.
 */
export function watchConformance(object: Judged): void {
  try {
    assertConformance(object);
  } catch (error) {
    broken.push(error instanceof Error ? error.message : String(error));
  }
}

/** What was wrong since the last call. The tests' set-up asks after every test. */
export function takeBroken(): readonly string[] {
  return broken.splice(0);
}
