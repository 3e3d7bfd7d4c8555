import { pause } from "#lib/clock.ts";
import type { StatementEvent, StatementList } from "#wire/control-api.ts";
import type { Invocation, World } from "../command.ts";
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
  const tail = new Tail(world, typed["since"], readCount(invocation, "after"));
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
  readonly #since: string | undefined;
  #after: number | undefined;
  #said = "";

  constructor(world: World, since: string | undefined, after: number | undefined) {
    this.#world = world;
    this.#since = since;
    this.#after = after;
  }

  async follow(control: ControlClient, filter: Readonly<Record<string, string>>): Promise<void> {
    if (this.#since !== undefined) {
      this.#after ??= await this.#lastBefore(control, filter, this.#since);
    }
    const pathOf = (): string => {
      const after = this.#after === undefined ? {} : { after: String(this.#after) };
      return `/v1/audit/tail?${new URLSearchParams({ ...filter, ...after })}`;
    };
    for await (const event of followLines<StatementEvent>(control, pathOf, this.#world)) {
      this.#said = "";
      this.#after = event.storeSeq;
      if (event.event !== "heartbeat" && (this.#since === undefined || event.time >= this.#since)) {
        this.#world.output.line(event, () => eventLine(event));
        await this.#world.output.drained();
      }
    }
  }

  /** Position of the last statement before `since`: all that came later is behind it. 0 where there is none. */
  async #lastBefore(control: ControlClient, filter: Readonly<Record<string, string>>, since: string): Promise<number> {
    const { since: _, ...rest } = filter;
    const query = new URLSearchParams({ ...rest, until: since, limit: "1" });
    const options = { signal: this.#world.signal };
    const { items } = await control.get<StatementList>(`/v1/audit/statements?${query}`, options);
    return items[0]?.storeSeq ?? 0;
  }

  /** Nobody can be reached to sign in; said once. */
  lost({ message }: Error): void {
    if (message !== this.#said) {
      this.#said = message;
      this.#world.output.note(`${message}; trying again`);
    }
  }
}
