import type { Target } from "./clients/steps.ts";
import type { Steps } from "./program.ts";

/** A look into the server past client and proxy. */
export interface Watch {
  /** Whether exactly this statement runs now in that database. */
  isRunning(sql: string, database: string): Promise<boolean>;
}

/** A client of the matrix. */
export interface Client {
  /** As people call it, with the version that decides what it can do; stable as long as what set-up pins is. */
  readonly title: string;
  /** Does every step that its API can, against one server. */
  run(target: Target, watch: Watch): Promise<Steps>;
}
