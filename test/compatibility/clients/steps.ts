import { once } from "node:events";

/** Where a client program connects: its one argument, as JSON. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Prefix of every table that the program makes, so that programs can run side by side. */
  readonly name: string;
}

/** What the program was told. */
export function target(): Target {
  return JSON.parse(process.argv[2] ?? "{}") as Target;
}

/** Runs one step and prints its result, or the error that it should not have had, as a line of JSON. */
export async function step(name: string, act: () => Promise<unknown>): Promise<void> {
  const line = await act().then(
    (result) => ({ step: name, result }),
    (error: unknown) => ({ step: name, error: String(error) }),
  );
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** What a call that must fail failed with. */
export async function failure(act: Promise<unknown>): Promise<unknown> {
  return act.then(
    () => "it did not fail",
    (error: { code?: unknown; errno?: unknown; message: string }) => [error.errno ?? error.code, error.message],
  );
}

/** Tells the test that a statement is about to run, and resolves once the test has seen the server run it. */
export async function untilRunning(sql: string): Promise<void> {
  process.stdout.write(`${JSON.stringify({ running: sql })}\n`);
  await once(process.stdin, "data");
  process.stdin.pause();
}
