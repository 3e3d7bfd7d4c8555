import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { Authorize, Evaluate } from "../authorize.ts";
import type { Random } from "../ids.ts";
import type { Service } from "../service.ts";
import { createWatch } from "../watch.ts";
import type { Watch } from "../watch.ts";
import { createDataChannel } from "./data-channel.ts";
import type { DataChannelDeps } from "./data-channel.ts";
import { sessionOperations } from "./operations.ts";
import { defaultSsmOptions } from "./options.ts";
import type { SsmOptions } from "./options.ts";
import { SessionRegistry } from "./session-registry.ts";
import type { SessionEnd, SessionStatus } from "./session.ts";
import type { TargetDirectory } from "./target.ts";

/** What Session Manager needs from the sandbox. */
export interface SsmDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly authorize: Authorize;
  readonly evaluate: Evaluate;
  /** Where agents run: `ecsService(…).targets`. */
  readonly targets: TargetDirectory;
  /** `http://127.0.0.1:<port>`, known once the server listens. */
  readonly url: () => string;
  readonly verifyUpgrade: DataChannelDeps["verifyUpgrade"];
  readonly options?: Partial<SsmOptions>;
}

/** A session as tests and tools see it. */
interface SessionView {
  readonly sessionID: string;
  readonly accountID: string;
  readonly targetName: string;
  readonly ownerARN: string;
  readonly status: SessionStatus;
  /** Why it ended; undefined while it lives. */
  readonly endedBy: SessionEnd | undefined;
  /** Streams open through the multiplexer. */
  readonly streamCount: number;
}

/** Session Manager: the service, its websocket, and what a test may do to sessions. */
export interface SsmService extends Service {
  /** Takes over a websocket upgrade under `/v1/data-channel/`. */
  handleDataChannelUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** All sessions in the order in which they started, the ended ones too. */
  sessions(): SessionView[];
  /** Closes every websocket with 1000 "Bye", as the service does each hour. Sessions live on. */
  bounce(): void;
  /** Drops every websocket without a closing handshake. Sessions live on. */
  cut(): void;
  /** Lets nothing through any websocket that is open, without a word to either side. Sessions live on. */
  swallow(): void;
  /** Ends a session; its client is told `output`. Unknown and ended ones are left alone. */
  terminate(sessionID: string, output: string): void;
  /** Resolves with what `look` gives as soon as that is not undefined; it is asked after each change of a session. */
  until: Watch["until"];
  /** Ends every session and closes every socket. */
  stop(): void;
}

/** Builds the simulated Session Manager. */
export function ssmService(deps: SsmDeps): SsmService {
  const options = { ...defaultSsmOptions, ...deps.options };
  const watch = createWatch();
  const sessions = new SessionRegistry({ ...deps, ...options, onChange: () => watch.notify() });
  const channel = createDataChannel({ ...deps, sessions });
  deps.targets.onGone((accountID, targetName) => {
    for (const session of sessions.ofAccount(accountID)) {
      if (session.start.targetName === targetName) {
        if (options.onTargetGone === "Silence") {
          session.silence();
        } else {
          session.end("TargetGone", "The target of the session has stopped.");
        }
      }
    }
  });
  return {
    signingName: "ssm",
    protocol: "json",
    target: "AmazonSSM",
    operations: sessionOperations({ ...deps, sessions }),
    mutating: ["StartSession", "ResumeSession", "TerminateSession"],
    handleDataChannelUpgrade(request, socket, head) {
      void channel.upgrade(request, socket, head);
    },
    sessions: () =>
      sessions.all().map((session) => ({
        sessionID: session.start.sessionID,
        accountID: session.start.accountID,
        targetName: session.start.targetName,
        ownerARN: session.start.ownerARN,
        status: session.status,
        endedBy: session.endedBy,
        streamCount: session.streamCount,
      })),
    bounce() {
      for (const session of sessions.all()) {
        session.bounce();
      }
    },
    cut() {
      for (const session of sessions.all()) {
        session.cut();
      }
    },
    swallow() {
      for (const session of sessions.all()) {
        session.swallow();
      }
    },
    terminate(sessionID, output) {
      sessions.find(sessionID)?.end("Request", output);
    },
    until: (look) => watch.until(look),
    stop() {
      for (const session of sessions.all()) {
        session.end("Request", "The sandbox stops.");
      }
      channel.close();
    },
  };
}
