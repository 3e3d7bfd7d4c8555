import { eventually } from "#test/harness/process.ts";
import type { Installation } from "#test/harness/installation.ts";
import { type DemoGrant, grantFile } from "./grant-file.ts";
import type { Story } from "./story.ts";

/** How access is declared and withdrawn in the story: by files in a folder, or by kubectl. The words are titles of steps. */
export interface Hand {
  declares(grant: DemoGrant): string;
  declare(grant: DemoGrant): Promise<void>;
  /** By what the Grant is seen to be active. */
  readonly reports: string;
  /** Resolves with the grant's ID. */
  untilActive(grant: DemoGrant): Promise<string>;
  withdraws(grant: DemoGrant): string;
  /** Resolves when that was said; the access ends after it. */
  withdraw(grant: DemoGrant): Promise<void>;
  /** Resolves when nothing more is to come of a withdrawn Grant, with what was seen of that. */
  untilGone(grant: DemoGrant): Promise<{ readonly what: string; readonly observation: string } | undefined>;
  setsPolicy(name: string): string;
  /** Declares policy: YAML of several objects. */
  setPolicy(name: string, yaml: string): Promise<void>;
  /** How somebody approves, after their name. */
  readonly approves: string;
  /** Approves in that person's name. Absent: the command line does. */
  readonly approve?: (grantID: string, approver: string) => Promise<void>;
  /** Connects with whatever else is usual there, once the local port is served. */
  useClient(url: string, story: Story): Promise<void>;
}

/** Files in the controller's folder, as a pipeline writes them. */
export function folderHand(installation: Installation): Hand {
  const file = ({ name }: DemoGrant): string => `grants/${name}.yaml`;
  return {
    declares: (grant) => `a Grant for ${grant.person} is written into the folder (${file(grant)})`,
    declare: (grant) => Promise.resolve(installation.writeManifest(file(grant), grantFile(grant))),
    reports: "the controller gives access and reports the Grant active",
    async untilActive() {
      const line = await eventually("the Grant is active", () =>
        installation.controller().lines.find((text) => text.includes('"grant active"')),
      );
      return (JSON.parse(line) as { grantID: string }).grantID;
    },
    withdraws: () => "the Grant's file is deleted",
    withdraw: (grant) => Promise.resolve(installation.deleteManifest(file(grant))),
    untilGone: () => Promise.resolve(undefined),
    setsPolicy: (name) => `policy comes with a file (${name}.yaml): owning orders takes an administrator's word`,
    setPolicy: (name, yaml) => Promise.resolve(installation.writeManifest(`${name}.yaml`, yaml)),
    approves: "approves exactly what she sees",
    useClient: () => Promise.resolve(),
  };
}
