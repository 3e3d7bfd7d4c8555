import { spawnSync } from "node:child_process";

/** Runs a program that answers each line of JSON with one: all questions at once, answers in their order. */
export function askProgram(program: string, questions: readonly unknown[]): readonly unknown[] {
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join("");
  const done = spawnSync(program, [], { input, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (done.status !== 0) {
    throw new Error(`${program} failed: ${done.error?.message ?? done.stderr}`);
  }
  const answers = done.stdout.trimEnd().split("\n");
  if (answers.length !== questions.length) {
    throw new Error(`${program} gave ${answers.length} answers to ${questions.length} questions`);
  }
  return answers.map((answer) => JSON.parse(answer) as unknown);
}
