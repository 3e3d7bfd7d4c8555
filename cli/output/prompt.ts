import { autocomplete, confirm as confirmPrompt, isCancel, text as textPrompt } from "@clack/prompts";
import { UserError } from "#lib/errors.ts";
import type { World } from "../command.ts";

/** Asks for one of several; typing filters. `next` names the flags that answer it where nobody can be asked. */
export async function choose<T>(
  world: World,
  question: string,
  choices: readonly { readonly label: string; readonly hint?: string; readonly value: T }[],
  next: string,
): Promise<T> {
  assertInteractive(world, question, next);
  const index = await autocomplete<number>({
    message: question,
    options: choices.map((choice, value) => ({
      value,
      label: choice.label,
      ...(choice.hint ? { hint: choice.hint } : {}),
    })),
    output: process.stderr,
  });
  const chosen = isCancel(index) ? undefined : choices[index];
  if (chosen === undefined) {
    throw cancelled();
  }
  return chosen.value;
}

/** Asks yes or no; no is the default. */
export async function confirm(world: World, question: string, next: string): Promise<boolean> {
  assertInteractive(world, question, next);
  const answer = await confirmPrompt({ message: question, initialValue: false, output: process.stderr });
  if (isCancel(answer)) {
    throw cancelled();
  }
  return answer;
}

/** Asks for a line of text that may not be empty. */
export async function ask(world: World, question: string, next: string): Promise<string> {
  assertInteractive(world, question, next);
  const answer = await textPrompt({
    message: question,
    validate: (value) => (value?.trim() ? undefined : "It may not be empty."),
    output: process.stderr,
  });
  if (isCancel(answer)) {
    throw cancelled();
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

function cancelled(): UserError {
  return new UserError("Cancelled", "cancelled; nothing was changed");
}
