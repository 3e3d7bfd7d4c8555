import { afterAll, beforeAll, beforeEach } from "vitest";
import { type ControlPlane, controlPlaneMissing, startControlPlane } from "./control-plane.ts";

/**
 * One control plane for all tests of the file that calls this: it starts before the first test, `setUp` runs on it once, and it is closed
 * after the last test and the file's own `afterAll`. Where there is none here, or `alsoMissing` names something else that is not, each test
 * is skipped with the reason.
 */
export function givenControlPlane(
  setUp: (plane: ControlPlane) => Promise<void> | void,
  ...alsoMissing: readonly (string | undefined)[]
): void {
  const missing = [controlPlaneMissing(), ...alsoMissing].find((reason) => reason !== undefined);
  let plane: ControlPlane | undefined;
  beforeAll(async () => {
    if (missing === undefined) {
      plane = await startControlPlane();
      await setUp(plane);
    }
  });
  afterAll(() => plane?.close());
  beforeEach(({ skip }) => skip(missing !== undefined, missing));
}
