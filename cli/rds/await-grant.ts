import type { CancelTimer } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { GrantView } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { approvalProgress, decisionText } from "./approval-text.ts";
import { followGrant } from "./follow-grant.ts";
import type { LiveLine } from "./live-line.ts";

export interface WaitOptions {
  /** Whether to wait for people too, not only for AWS. */
  readonly forApproval: boolean;
  readonly line: LiveLine;
  /** Called with the grant as soon as there is one, live or not. */
  readonly onGrant?: (grant: GrantView) => void;
}

/** Identity Center usually takes seconds; after this long something is wrong, and the person should know. */
export const activationWaitMs = 5 * 60_000;

/** States in which the grant waits for people or for its time, which may take as long as its deadline says. */
const patient: ReadonlySet<GrantView["state"]> = new Set(["PendingApproval", "Scheduled"]);

/** Waits until access is live. Throws a `UserError` for a grant that will not be, with who decided so and why. */
export async function waitUntilLive(
  control: ControlClient,
  grant: GrantView,
  name: string,
  options: WaitOptions,
  world: World,
): Promise<GrantView> {
  const waiting = new Waiting(name, options, world);
  const views = followGrant(control, grant, world);
  try {
    waiting.see(grant);
    for (let current = grant; ;) {
      if (current.state === "Active") {
        return current;
      }
      const next = await Promise.race([views.next(), waiting.late]);
      if (next === undefined) {
        throw notInTime(name, current);
      }
      current = next.value;
      waiting.see(current);
    }
  } finally {
    waiting.stop();
    // Not awaited: it may be in a pause, which ends with the command.
    void views.return(undefined as never).catch(() => {});
  }
}

/** What a person is told while they wait, and for how long they do. */
class Waiting {
  /** Resolves when access should have been set up by now. */
  readonly late: Promise<undefined>;
  readonly #name: string;
  readonly #options: WaitOptions;
  readonly #world: World;
  readonly #isLate = Promise.withResolvers<undefined>();
  #cancelLate: CancelTimer | undefined;
  #said = "";
  #waitsForPeople = false;

  constructor(name: string, options: WaitOptions, world: World) {
    this.#name = name;
    this.#options = options;
    this.#world = world;
    this.late = this.#isLate.promise;
  }

  see(grant: GrantView): void {
    this.#options.onGrant?.(grant);
    if (grant.state === "Active") {
      return;
    }
    refuseEnded(grant, this.#name, this.#options.forApproval);
    this.#limit(grant);
    if (grant.state === "PendingApproval") {
      this.#waitForPeople(grant);
      return;
    }
    if (this.#waitsForPeople) {
      this.#waitsForPeople = false;
      this.#world.output.event("APPROVED", `${this.#name} was approved${decisionText(grant, "Approve")}`, { grant });
    }
    this.#say(grant.message);
    this.#options.line.show(this.#name, `Waiting for ${this.#name} to become active`);
  }

  stop(): void {
    this.#cancelLate?.();
    this.#options.line.clear(this.#name);
  }

  #waitForPeople(grant: GrantView): void {
    const progress = approvalProgress(grant);
    if (!this.#waitsForPeople) {
      this.#world.output.event("WAITING", "Waiting for request to be approved...", { grant });
    }
    this.#waitsForPeople = true;
    this.#say(progress);
    const text = `Waiting for request to be approved${progress === "" ? "" : ` (${progress})`}`;
    this.#options.line.show(this.#name, text);
  }

  #say(text: string): void {
    if (text !== this.#said && text !== "") {
      this.#said = text;
      this.#world.output.note(text);
    }
  }

  /** The time that AWS takes is limited; the time that people take is not ours to limit. */
  #limit({ state }: GrantView): void {
    if (patient.has(state)) {
      this.#cancelLate?.();
      this.#cancelLate = undefined;
    } else {
      this.#cancelLate ??= this.#world.clock.after(activationWaitMs, () => this.#isLate.resolve(undefined));
    }
  }
}

function notInTime(name: string, grant: GrantView): UserError {
  return new UserError("NotLiveInTime", `${name} did not become active within ${activationWaitMs / 60_000} minutes`, {
    why: grant.message,
    next: nextOf(grant),
  });
}

/** Throws for a grant that will not become active while somebody waits. */
function refuseEnded(grant: GrantView, name: string, forApproval: boolean): void {
  switch (grant.state) {
    case "PendingApproval":
      if (!forApproval) {
        throw new UserError("PendingApproval", "access is pending approval", {
          why: `applying access was attempted but ${name} requires approval before activation`,
          next: "Run the same command again once it is approved, or without --no-wait.",
        });
      }
      return;
    case "Refused":
    case "Ended":
    case "Revoking": {
      const denied = decisionText(grant, "Deny");
      throw new UserError(grant.readyReason || "Refused", `${name} was not activated`, {
        why: denied === "" ? (grant.endReason ?? grant.message) : `the request was denied${denied}`,
        next: nextOf(grant),
      });
    }
    default:
  }
}

function nextOf(grant: GrantView): string {
  return grant.grantID === "" ? "sallyport grants list" : `sallyport grants get ${grant.grantID}`;
}
