import { pause } from "#lib/clock.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "./client.ts";
import { isTransient } from "./failure.ts";

/** A stream that ended or was lost is opened again at this pace. */
export const resumePauseMs = 1_000;

/** What following needs of the world. */
export type Following = Pick<World, "clock" | "signal" | "output">;

/**
 * The lines of a stream of the control API for as long as somebody reads: opened again whenever it ends (with the token at the latest) or
 * breaks off. `pathOf` is asked each time, so that it can name the position where the last one stopped. Rejects with what is not
 * transient, and with the reason of the signal.
 */
export async function* followLines<T>(
  control: ControlClient,
  pathOf: () => string,
  { clock, signal, output }: Following,
): AsyncGenerator<T, never, void> {
  let said = "";
  for (;;) {
    try {
      for await (const line of control.stream<T>(pathOf(), signal)) {
        said = "";
        yield line;
      }
    } catch (error) {
      if (signal.aborted || !isTransient(error)) {
        throw error;
      }
      const { message } = error as Error;
      if (message !== said) {
        said = message;
        output.note(`${message}; trying again`);
      }
    }
    await pause(clock, resumePauseMs, signal);
  }
}
