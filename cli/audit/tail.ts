import { pause } from "#lib/clock.ts";
import type { StatementEvent } from "#wire/control-api.ts";
import { type Invocation, valueOf, type World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { isTransient } from "../control/failure.ts";
import { followLines, resumePauseMs } from "../control/follow.ts";
import { eventLine } from "../output/statement-line.ts";
import { signedIn } from "../signin/signed-in.ts";
import { filterOf, readCount, withIDs } from "./filter.ts";

/** `sallyport audit tail`: until it is interrupted. A lost connection leaves no gap: it goes on after the last position. */
export async function tailStatements(invocation: Invocation): Promise<number> {
  const { world } = invocation;
  const typed = filterOf(invocation);
  // What was since some instant is behind the beginning of the trail; what comes next is behind its end.
  const start = readCount(invocation, "after") ?? (valueOf(invocation, "since") === undefined ? undefined : 0);
  const tail = new Tail(world, start);
  while (!world.signal.aborted) {
    try {
      await signedIn(world, async ({ control }) => tail.follow(control, await withIDs(control, typed, invocation)));
    } catch (error) {
      if (world.signal.aborted) {
        break;
      }
      if (!isTransient(error)) {
        throw error;
      }
      tail.lost(error as Error);
      await pause(world.clock, resumePauseMs, world.signal).catch(() => {});
    }
  }
  return 0;
}

class Tail {
  readonly #world: World;
  #after: number | undefined;
  #said = "";

  constructor(world: World, after: number | undefined) {
    this.#world = world;
    this.#after = after;
  }

  async follow(control: ControlClient, filter: Readonly<Record<string, string>>): Promise<void> {
    const pathOf = (): string => {
      const after = this.#after === undefined ? {} : { after: String(this.#after) };
      return `/v1/audit/tail?${new URLSearchParams({ ...filter, ...after })}`;
    };
    for await (const event of followLines<StatementEvent>(control, pathOf, this.#world)) {
      this.#said = "";
      this.#after = event.storeSeq;
      if (event.event !== "heartbeat") {
        this.#world.output.line(event, () => eventLine(event));
        await this.#world.output.drained();
      }
    }
  }

  /** Nobody can be reached to sign in; said once. */
  lost({ message }: Error): void {
    if (message !== this.#said) {
      this.#said = message;
      this.#world.output.note(`${message}; trying again`);
    }
  }
}
