import type { Duplex } from "node:stream";
import type { ExecutionStart } from "../mysql/execution.ts";
import type { KillStatement } from "../mysql/kill.ts";
import type { Refusal } from "../mysql/queue.ts";
import type { Judgement } from "../mysql/statement-log.ts";
import type { MySqlTracker } from "../mysql/tracker.ts";
import type { Recorder } from "./recorder.ts";
import type { RelayEnd } from "./session-protocol.ts";

/** What a relay works with. */
export interface MySqlRelayParts {
  readonly client: Duplex;
  readonly server: Duplex;
  readonly tracker: MySqlTracker;
  readonly recorder: Recorder;
  /** The client closed its stream; `clean` when it said COM_QUIT first. Answers are still followed until the server closes. */
  readonly onClientGone: (clean: boolean) => void;
  /** Called once. The streams are still open, and nothing more is forwarded. */
  readonly onEnd: (end: RelayEnd) => void;
  /** May this statement end that thread's work? What it returns is the client's answer instead. */
  readonly onKill?: (kill: KillStatement) => Refusal | undefined;
  /** What is there to say about this statement, in its record or to the client? */
  readonly judge?: (start: ExecutionStart) => Judgement | undefined;
}
