import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Answer } from "./server/answer.ts";
import type { HttpRequest } from "./server/request.ts";
import type { Service } from "./service.ts";

/** ECS and Session Manager: the parts of the sandbox that run processes and carry their traffic. */
export interface Compute {
  readonly services: readonly Service[];
  /** Answers requests of tasks (`/_task/…`: credentials and metadata); undefined for other paths. */
  serveTask(request: HttpRequest): Promise<Answer | undefined>;
  /** Takes over a websocket upgrade. */
  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Stops tasks and ends sessions. */
  stop(): Promise<void>;
}
