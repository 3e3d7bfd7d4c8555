import type { Readable, Writable } from "node:stream";
import { autocomplete, confirm as confirmPrompt, isCancel, text as textPrompt } from "@clack/prompts";
import { printable } from "#audit/text.ts";
import { UserError } from "#lib/errors.ts";
import type { World } from "../command.ts";

/** Code of the error for Ctrl-C at a question; the command exits as after the signal. */
export const interruptedCode = "Interrupted";

// As in `Output`, text that came from elsewhere is shown, never obeyed.

/** Asks for one of several; what is typed filters: every word must be in the label. `next` names the flags that answer it where nobody can be asked. */
export async function choose<T>(
  world: World,
  question: string,
  choices: readonly { readonly label: string; readonly hint?: string; readonly value: T }[],
  next: string,
): Promise<T> {
  assertInteractive(world, question, next);
  const index = await autocomplete<number>({
    ...streamsOf(world),
    message: printable(question),
    filter: (typed, { label }) => hasAllWords(label ?? "", typed),
    options: choices.map((choice, value) => ({
      value,
      label: printable(choice.label),
      ...(choice.hint ? { hint: printable(choice.hint) } : {}),
    })),
  });
  const chosen = isCancel(index) ? undefined : choices[index];
  if (chosen === undefined) {
    throw interrupted();
  }
  return chosen.value;
}

/** Whether every word of `typed` is somewhere in `label`, in any case and order. */
export function hasAllWords(label: string, typed: string): boolean {
  const text = label.toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Asks yes or no; no is the default. */
export async function confirm(world: World, question: string, next: string): Promise<boolean> {
  assertInteractive(world, question, next);
  const answer = await confirmPrompt({
    ...streamsOf(world),
    message: printable(question, { lines: "keep" }),
    initialValue: false,
  });
  if (isCancel(answer)) {
    throw interrupted();
  }
  return answer;
}

/** Asks for a line of text that may not be empty. */
export async function ask(world: World, question: string, next: string): Promise<string> {
  assertInteractive(world, question, next);
  const answer = await textPrompt({
    ...streamsOf(world),
    message: printable(question),
    validate: (value) => (value?.trim() ? undefined : "It may not be empty."),
  });
  if (isCancel(answer)) {
    throw interrupted();
  }
  return answer.trim();
}

function assertInteractive(world: World, question: string, next: string): void {
  if (!world.interactive) {
    throw new UserError("NotInteractive", `"${question}" cannot be asked here`, {
      why: "this is not a terminal",
      next,
    });
  }
}

/** The signal ends a prompt that is open when the process is told to stop. */
function streamsOf(world: World): { input: Readable; output: Writable; signal: AbortSignal } {
  return { ...world.terminal, signal: world.signal };
}

function interrupted(): UserError {
  return new UserError(interruptedCode, "cancelled operation", { why: "nothing was changed" });
}
