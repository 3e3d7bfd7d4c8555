import type { IdentityTrust } from "../admission/identity-trust.ts";
import type { Leadership } from "../leadership/leadership.ts";
import type { ObservedController } from "../metrics/telemetry.ts";
import type { ControlServer } from "../serve/server.ts";
import type { ServerOptions } from "../serve/server.ts";
import type { Source } from "../source/source.ts";

/** What differs between a folder and a cluster: where objects come from, who may act, and where connections come in. */
export interface Mode {
  readonly source: Source;
  readonly leadership: Leadership;
  /** What is known of who stands behind objects. */
  readonly identity: IdentityTrust;
  /** What metrics and probes look at beside what every controller has. */
  readonly observed: Pick<ObservedController, "reflectors" | "lease" | "folder">;
  /** Reads everything; `source.list` is complete when it resolves. Rejects with a `UserError` where that cannot be. */
  open(): Promise<void>;
  /** Called when this process begins to lead and before it acts: resolves when what is in memory is as new as now. */
  catchUp(): Promise<void>;
  /** Opens the port. Nothing is served before `serve` of what it answers. */
  listen(server: ServerOptions): Promise<Entrance>;
  /** Last of all: lets go of what made this process the one that acts. */
  close(): Promise<void>;
}

/** Where people and proxies come in. */
export interface Entrance {
  readonly port: number;
  /** This process leads and is ready: from now on connections are served here. */
  serve(): void;
  close: ControlServer["close"];
}
