import { type ManualClock, manualClock } from "#lib/clock.ts";
import { startSandbox } from "../start.ts";
import type { SandboxOptions } from "../options.ts";
import type { Sandbox } from "../sandbox.ts";
import { type Clients, clientsOf } from "./clients.ts";

/** A sandbox for one test, and the controller's clients. */
export interface Harness extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly clients: Clients;
  /** Moves only when told to. Starts at the machine's time, because the SDK signs with that. */
  readonly clock: ManualClock;
  readonly instanceARN: string;
  readonly storeID: string;
  userID(userName: string): string;
}

/** Starts one on a free port. `await using` stops it. */
export async function startHarness(options: SandboxOptions = {}): Promise<Harness> {
  const clock = manualClock(Date.now());
  const sandbox = await startSandbox({
    clock,
    ...options,
    limits: { identityCenterPerSecond: Infinity, identityStorePerSecond: Infinity, ...options.limits },
  });
  const clients = clientsOf(sandbox);
  const { instanceARN, identityStoreID } = sandbox.state.instance;
  return {
    sandbox,
    clients,
    clock,
    instanceARN,
    storeID: identityStoreID,
    userID(userName) {
      const person = [...sandbox.state.people.values()].find((one) => one.userName === userName);
      if (person === undefined) {
        throw new Error(`no person ${userName}`);
      }
      return person.userID;
    },
    async [Symbol.asyncDispose]() {
      clients.destroy();
      await sandbox.stop();
    },
  };
}
