import type { ServerResponse } from "node:http";
import { assertNever } from "#lib/errors.ts";
import {
  type Fault,
  gone,
  type Interruption,
  type StatusAnswer,
  statusObject,
  type WatchFault,
} from "./kube-fault-proxy-faults.ts";

/** A watch on its way from the server to a client. */
export interface WatchStream {
  /** Does something to it at once. */
  interrupt(how: Interruption): void;
  /** Resolves when the client gets no more and the server's side may go. Never, for one that was silenced. */
  readonly done: Promise<void>;
}

/** Whether a fault is about a watch's events. */
export function isWatchFault(fault: Fault): fault is WatchFault {
  switch (fault.kind) {
    case "errorEvent":
    case "cutLine":
    case "silentStream":
    case "duplicateEvents":
    case "holdEvents":
    case "withoutBookmarks":
      return true;
    default:
      return false;
  }
}

/** Passes a watch's events on line by line, changed by at most one fault. `resetConnection` breaks the client's connection. */
export function passWatch(
  source: AsyncIterable<Buffer>,
  response: ServerResponse,
  fault: WatchFault | undefined,
  resetConnection: () => void,
): WatchStream {
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  let isSilent = false;
  const end = (last = ""): void => {
    if (!isSilent) {
      response.end(last);
      finish();
    }
  };
  const reset = (): void => {
    resetConnection();
    finish();
  };
  const strike = (seen: number): void => {
    if (fault?.kind === "errorEvent" && seen === fault.afterEvents) {
      end(errorEvent(fault.status));
    }
    isSilent ||= fault?.kind === "silentStream" && seen === fault.afterEvents;
  };
  const pass = async (): Promise<void> => {
    let seen = 0;
    strike(seen);
    for await (const line of lines(source)) {
      await (fault?.kind === "holdEvents" ? fault.until : undefined);
      if (fault?.kind === "cutLine" && seen === fault.afterEvents) {
        return end(line.slice(0, line.length / 2));
      }
      if (!isSilent && !response.writableEnded) {
        response.write(changed(line, fault));
      }
      seen += 1;
      strike(seen);
    }
    end();
  };
  // The client learns of the beginning before there is an event.
  response.flushHeaders();
  pass().catch(() => (isSilent || response.writableEnded ? undefined : reset()));
  return {
    done,
    interrupt(how) {
      switch (how) {
        case "end":
          return end();
        case "reset":
          return reset();
        case "silence":
          isSilent = true;
          return;
        case "halfLine":
          return end('{"type":"MODIFIED","object":{"metad');
        case "goneEvent":
          return end(errorEvent(gone));
        default:
          return assertNever(how);
      }
    },
  };
}

/** What the client gets of a line. */
function changed(line: string, fault: WatchFault | undefined): string {
  if (fault?.kind === "duplicateEvents") {
    return line + line;
  }
  return fault?.kind === "withoutBookmarks" && line.startsWith('{"type":"BOOKMARK"') ? "" : line;
}

/** Event that a server ends a watch with when it cannot go on. */
function errorEvent(status: StatusAnswer): string {
  return `${JSON.stringify({ type: "ERROR", object: statusObject(status) })}\n`;
}

/** Lines with their ends. What is left without one is no event. */
async function* lines(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of source) {
    rest += decoder.decode(chunk, { stream: true });
    const whole = rest.split("\n");
    rest = whole.pop() ?? "";
    yield* whole.map((line) => `${line}\n`);
  }
}
