import { UserError } from "#lib/errors.ts";
import type { Clock } from "#lib/clock.ts";
import { awsPorts } from "../aws/aws.ts";
import { createKubeTransport } from "../kube/https-transport.ts";
import { loadKubeAccess } from "../kube/kubeconfig.ts";
import { type Leftover, leftoversInAws, type LeftoversPlace, type RemovedLeftover, removeLeftovers } from "./in-aws.ts";
import { type HeldObject, HeldObjects, type ReleasedObject } from "./in-cluster.ts";

/** What was typed, and the world of the process. */
export interface LeftoversArguments {
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly version: string;
}

/** What an uninstallation would leave behind, and the ways to take it away without a controller. Reject with `UserError`s. */
export const leftovers = {
  inAws: (given: LeftoversArguments): Promise<Leftover[]> => leftoversInAws(placeOf(given)),
  inCluster: (given: LeftoversArguments): Promise<HeldObject[]> => withHeld(given, (held) => held.list()),
  remove: (given: LeftoversArguments): Promise<RemovedLeftover[]> => removeLeftovers(placeOf(given)),
  async release(given: LeftoversArguments): Promise<ReleasedObject[]> {
    const inAws = new Map(
      (await leftoversInAws(placeOf(given))).map(({ grantID, permissionSetARN }) => [grantID, permissionSetARN]),
    );
    return withHeld(given, (held) => held.release(inAws, given.options["orphan"] === true));
  },
};

function placeOf({ options, environment, clock }: LeftoversArguments): LeftoversPlace {
  const installation = text(options, "installation");
  if (installation === undefined) {
    throw new UserError("InvalidOption", "it is not said which installation", { next: "Give --installation NAME." });
  }
  const own = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"];
  const named = list(options, "region");
  const [region, ...more] = named.length > 0 ? named : own === undefined ? [] : [own];
  if (region === undefined) {
    throw new UserError("NoRegion", "the region of IAM Identity Center is not known", {
      next: "Give --region, or set AWS_REGION.",
    });
  }
  return { ports: awsPorts({ region, clock }), installation, regions: new Set([region, ...more]), clock };
}

async function withHeld<T>(given: LeftoversArguments, act: (held: HeldObjects) => Promise<T>): Promise<T> {
  const { options, environment, version, clock } = given;
  const access = await loadKubeAccess({
    file: text(options, "kubeconfig"),
    context: text(options, "context"),
    environment,
  });
  const transport = createKubeTransport({ access, version, clock });
  try {
    return await act(new HeldObjects(transport, list(options, "namespace")));
  } finally {
    transport.close();
  }
}

function text(options: LeftoversArguments["options"], name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

function list(options: LeftoversArguments["options"], name: string): string[] {
  return (text(options, name) ?? "").split(",").filter((item) => item !== "");
}
